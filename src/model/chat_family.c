/* One row a family. The templates: the files' own, as their makers published them. */
#include "model/chat_family.h"

#include "model/chat_reduce.h"

#define TEXT(text) ASSAY_CHAT_OPEN text ASSAY_CHAT_CLOSE
#define FIELD(name) "message[" TEXT(name) "]"

/* "Today Date" is what the template falls back to where it is not told a date. */
#define LLAMA31_HEAD "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
#define LLAMA3_MESSAGE                                                                             \
    TEXT("<|start_header_id|>")                                                                    \
    "+" FIELD("role") "+" TEXT("<|end_header_id|>\n\n") "+" FIELD("content") "|trim+" TEXT(        \
        "<|eot_id|>")
#define LLAMA3_ANSWER "<|start_header_id|>assistant<|end_header_id|>\n\n"
#define LLAMA3_MARKS                                                                               \
    {                                                                                              \
        "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"              \
    }
#define INSTRUCTION(open, close) TEXT(open) "+" FIELD("content") "+" TEXT(close)
#define SYSTEM_MESSAGE "system_message"

const struct assay_chat_family assay_chat_families[] = {
    {.choice = ASSAY_CHAT_CHATML,
     .marks = {"<|im_start|>", "<|im_end|>"},
     .forms = {TEXT("<|im_start|>") "+" FIELD("role") "+" TEXT("\n") "+" FIELD("content") "+" TEXT(
                   "<|im_end|>\n"),
               TEXT("<|im_start|>assistant\n")},
     .also = TEXT("<|im_start|>") "+" FIELD("role") "+" TEXT("\n") "+content+" TEXT("<|im_end|>\n"),
     .begin = "",
     .system_open = "<|im_start|>system\n",
     .system_close = "<|im_end|>\n",
     .user_open = "<|im_start|>user\n",
     .user_close = "<|im_end|>\n",
     .answer = "<|im_start|>assistant\n",
     .answer_close = "<|im_end|>\n"},
    {.choice = ASSAY_CHAT_LLAMA31,
     .marks = LLAMA3_MARKS,
     .forms = {LLAMA3_MESSAGE, TEXT(LLAMA3_ANSWER), TEXT("Cutting Knowledge Date: December 2023\n"),
               TEXT("26 Jul 2024")},
     .begin = "<|begin_of_text|>",
     .system_open = "<|start_header_id|>system<|end_header_id|>\n\n" LLAMA31_HEAD,
     .system_close = "<|eot_id|>",
     .user_open = "<|start_header_id|>user<|end_header_id|>\n\n",
     .user_close = "<|eot_id|>",
     .answer = LLAMA3_ANSWER,
     .answer_close = "<|eot_id|>",
     .system_always = true,
     .trims_system = true,
     .trims_turns = true},
    {.choice = ASSAY_CHAT_LLAMA3,
     .marks = LLAMA3_MARKS,
     .forms = {LLAMA3_MESSAGE, TEXT(LLAMA3_ANSWER)},
     .not_form = "Cutting Knowledge Date",
     .begin = "<|begin_of_text|>",
     .system_open = "<|start_header_id|>system<|end_header_id|>\n\n",
     .system_close = "<|eot_id|>",
     .user_open = "<|start_header_id|>user<|end_header_id|>\n\n",
     .user_close = "<|eot_id|>",
     .answer = LLAMA3_ANSWER,
     .answer_close = "<|eot_id|>",
     .trims_system = true,
     .trims_turns = true},
    {.choice = ASSAY_CHAT_MISTRAL,
     .marks = {"<s>"},
     .forms = {INSTRUCTION("[INST] ", " [/INST]")},
     .begin = "<s>",
     .user_open = "[INST] ",
     .user_close = " [/INST]",
     .answer = "",
     .system_form = SYSTEM_MESSAGE},
    {.choice = ASSAY_CHAT_MISTRAL_V2,
     .marks = {"<s>"},
     .forms = {INSTRUCTION(" [INST] ", " [/INST]")},
     .begin = "<s>",
     .user_open = " [INST] ",
     .user_close = " [/INST]",
     .answer = "",
     .system_form = SYSTEM_MESSAGE},
    {.choice = ASSAY_CHAT_MISTRAL_V3,
     .marks = {"<s>"},
     .forms = {INSTRUCTION("[INST] ", "[/INST]")},
     .begin = "<s>",
     .user_open = "[INST] ",
     .user_close = "[/INST]",
     .answer = "",
     .system_form = SYSTEM_MESSAGE},
    {.choice = ASSAY_CHAT_GEMMA,
     .marks = {"<bos>", "<start_of_turn>", "<end_of_turn>"},
     .forms = {TEXT("<start_of_turn>") "+role+" TEXT("\n"), FIELD("content") "|trim",
               "<end_of_turn>\n" ASSAY_CHAT_CLOSE, TEXT("<start_of_turn>model\n")},
     .begin = "<bos>",
     .user_open = "<start_of_turn>user\n",
     .user_close = "<end_of_turn>\n",
     .answer = "<start_of_turn>model\n",
     .answer_close = "<end_of_turn>\n",
     .trims_turns = true,
     .system_form = "first_user_prefix"},
};
const size_t assay_chat_family_count = sizeof assay_chat_families / sizeof assay_chat_families[0];
