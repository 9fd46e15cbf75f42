/* Replays a fuzz target without a fuzzer: every file of a corpus folder, then mutations of each
 * that depend on nothing but the seed. fuzz_NAME FOLDER [MUTATIONS of each file, 2000] [SEED, 1] An
 * input that kills the process, or takes longer than 30 seconds, is left in replay-death.bin. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Only there in a build with a sanitizer. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

enum { INPUT_BYTES_MAX = 1 << 20, FILES_MAX = 1024, SECONDS_MAX = 30 };

struct input {
    uint8_t *data;
    size_t size;
};

struct corpus {
    struct input inputs[FILES_MAX];
    size_t count;
};

/* What the target is given at the moment; read when it dies. */
static struct input current;

static void report_death(void)
{
    int fd = open("replay-death.bin", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, current.data, current.size) != (ssize_t)current.size) return;
    static const char message[] = "replay: the input that did it is in replay-death.bin\n";
    if (write(STDERR_FILENO, message, sizeof message - 1) < 0) return;
    close(fd);
}

static void on_signal(int signal_number)
{
    report_death();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static _Noreturn void refuse(const char *path, const char *reason)
{
    fprintf(stderr, "replay: %s: %s\n", path, reason);
    exit(2);
}

/* Memory of exactly `size` bytes, so that a sanitizer sees the first read behind it. */
static struct input input_create(size_t size)
{
    struct input input = {malloc(size > 0 ? size : 1), size};
    if (!input.data) refuse("memory", "there is none left");
    return input;
}

static struct input input_read(const char *folder, const char *name)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path) {
        refuse(folder, "path too long");
    }
    FILE *file = fopen(path, "rb");
    if (!file) refuse(path, strerror(errno));
    static uint8_t buffer[INPUT_BYTES_MAX + 1];
    size_t size = fread(buffer, 1, sizeof buffer, file);
    fclose(file);
    if (size > INPUT_BYTES_MAX) refuse(path, "larger than 1 MiB");
    struct input input = input_create(size);
    memcpy(input.data, buffer, size);
    return input;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void corpus_read(struct corpus *corpus, const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_visible, by_name);
    if (count < 0) refuse(folder, strerror(errno));
    if (count == 0) refuse(folder, "has no file");
    if (count > FILES_MAX) refuse(folder, "has more than 1024 files");
    for (int i = 0; i < count; i++) {
        corpus->inputs[corpus->count++] = input_read(folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

/* splitmix64: Steele, Lea, Flood, OOPSLA 2014. */
static uint64_t random_word(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static size_t random_below(uint64_t *state, size_t bound)
{
    return bound == 0 ? 0 : (size_t)(random_word(state) % bound);
}

/* `input` with `removed` bytes at `at` replaced by `added` ones. Takes `input`. */
static struct input input_replace(struct input input, size_t at, size_t removed,
                                  const uint8_t *added, size_t added_size)
{
    if (input.size - removed + added_size > INPUT_BYTES_MAX) return input;
    struct input result = input_create(input.size - removed + added_size);
    memcpy(result.data, input.data, at);
    memcpy(result.data + at, added, added_size);
    memcpy(result.data + at + added_size, input.data + at + removed, input.size - at - removed);
    free(input.data);
    return result;
}

/* Counts, lengths and offsets that parsers get wrong, in 1, 2, 4 or 8 bytes, little-endian. */
static void put_interesting(struct input input, uint64_t *random)
{
    static const uint64_t values[] = {
        0,
        1,
        2,
        3,
        7,
        8,
        16,
        31,
        32,
        33,
        64,
        0x7f,
        0x80,
        0xff,
        0x100,
        0x7fff,
        0x8000,
        0xffff,
        0x10000,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        0x100000000,
        0x7fffffffffffffff,
        0x8000000000000000,
        0xffffffffffffffff,
        0xfffffffffffffff0,
    };
    size_t width = (size_t)1 << random_below(random, 4);
    if (input.size < width) return;
    size_t at = random_below(random, input.size - width + 1);
    uint64_t value = values[random_below(random, sizeof values / sizeof values[0])];
    if (random_below(random, 4) == 0) value = input.size - random_below(random, 4);
    for (size_t i = 0; i < width; i++) input.data[at + i] = (uint8_t)(value >> (8 * i));
}

/* Characters that mean something to a text format. */
static void put_character(struct input input, uint64_t *random)
{
    static const char characters[] =
        "\"\\{}[]():,.-+eE0123456789 \n\t#'&*!|>%@`\x00\x7f\x80\xc3\xff";
    if (input.size == 0) return;
    input.data[random_below(random, input.size)] =
        (uint8_t)characters[random_below(random, sizeof characters - 1)];
}

static struct input mutate_once(struct input input, const struct corpus *corpus, uint64_t *random)
{
    size_t at = random_below(random, input.size + 1);
    size_t left = input.size - at;
    size_t part = random_below(random, (left < 256 ? left : 256) + 1);
    switch (random_below(random, 8)) {
    case 0:
    case 1:
        if (left > 0) input.data[at] ^= (uint8_t)(1u << random_below(random, 8));
        return input;
    case 2:
        put_interesting(input, random);
        return input;
    case 3:
        put_character(input, random);
        return input;
    case 4: /* cut the end off */
        return input_replace(input, at, left, input.data, 0);
    case 5: /* take a part out */
        return input_replace(input, at, part, input.data, 0);
    case 6: { /* repeat a part */
        struct input copy = input_create(part);
        memcpy(copy.data, input.data + at, part);
        input = input_replace(input, at, 0, copy.data, part);
        free(copy.data);
        return input;
    }
    default: { /* a part of another file in the place of the rest, or in between */
        const struct input *other = &corpus->inputs[random_below(random, corpus->count)];
        size_t from = random_below(random, other->size + 1);
        size_t size = random_below(random, other->size - from + 1);
        bool rest = random_below(random, 2) == 0;
        return input_replace(input, at, rest ? left : 0, other->data + from, size);
    }
    }
}

static void run(struct input input)
{
    current = input;
    alarm(SECONDS_MAX);
    (void)LLVMFuzzerTestOneInput(input.data, input.size);
    alarm(0);
}

static unsigned long run_mutations(const struct corpus *corpus, size_t file,
                                   unsigned long mutations, uint64_t seed)
{
    for (unsigned long i = 0; i < mutations; i++) {
        uint64_t random = seed ^ (uint64_t)file << 40 ^ i << 8;
        struct input input = input_create(corpus->inputs[file].size);
        memcpy(input.data, corpus->inputs[file].data, input.size);
        for (size_t steps = 1 + random_below(&random, 4); steps > 0; steps--) {
            input = mutate_once(input, corpus, &random);
        }
        run(input);
        free(input.data);
    }
    return mutations;
}

int main(int argc, char **argv)
{
    static struct corpus corpus;
    if (argc < 2 || argc > 4) refuse(argv[0], "usage: FOLDER [MUTATIONS] [SEED]");
    unsigned long mutations = argc > 2 ? strtoul(argv[2], NULL, 10) : 2000;
    uint64_t seed = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(report_death);
    signal(SIGABRT, on_signal);
    signal(SIGALRM, on_signal);
    corpus_read(&corpus, argv[1]);

    unsigned long count = 0;
    for (size_t i = 0; i < corpus.count; i++, count++) run(corpus.inputs[i]);
    for (size_t i = 0; i < corpus.count; i++) count += run_mutations(&corpus, i, mutations, seed);
    for (size_t i = 0; i < corpus.count; i++) free(corpus.inputs[i].data);
    printf("%zu files, %lu inputs\n", corpus.count, count);
    return 0;
}
