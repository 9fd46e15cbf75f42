/* Asking for passphrases. */
#include "cli/passphrase.h"

#include "crypto/private_file.h"
#include "crypto/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* A signal that came while the terminal had no echo: it is raised again once it has. */
static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

static const int signals[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP};
enum { SIGNAL_COUNT = sizeof signals / sizeof signals[0] };

/* One line, its end left out. */
static enum assay_status read_line(int tty, struct assay_passphrase *to, struct assay_error *err)
{
    to->size = 0;
    for (;;) {
        uint8_t c;
        ssize_t got = caught ? -1 : read(tty, &c, 1);
        if (caught) return assay_fail(err, ASSAY_EFAILED, "interrupted");
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return assay_fail(err, ASSAY_EUSAGE, "no passphrase was given");
        if (c == '\n') return ASSAY_OK;
        if (to->size == sizeof to->bytes) {
            return assay_fail(err, ASSAY_EVALUE, "a passphrase has at most %zu bytes",
                              sizeof to->bytes);
        }
        to->bytes[to->size++] = c;
    }
}

/* Prompt and read, without echo. */
static enum assay_status ask(int tty, const char *prompt, struct assay_passphrase *to,
                             struct assay_error *err)
{
    struct termios before, silent;
    if (tcgetattr(tty, &before) != 0) return assay_fail_errno(err, errno, "the terminal");
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    if (tcsetattr(tty, TCSAFLUSH, &silent) != 0) {
        return assay_fail_errno(err, errno, "the terminal");
    }
    dprintf(tty, "%s: ", prompt);
    enum assay_status status = read_line(tty, to, err);
    dprintf(tty, "\n");
    tcsetattr(tty, TCSAFLUSH, &before);
    return status;
}

static enum assay_status ask_twice(int tty, const char *prompt, struct assay_passphrase *to,
                                   struct assay_error *err)
{
    enum assay_status status = ask(tty, prompt, to, err);
    if (status) return status;
    struct assay_passphrase *again = assay_secret_take(sizeof *again);
    if (!again) return assay_fail(err, ASSAY_EMEMORY, "no locked memory for a passphrase");
    status = ask(tty, "again", again, err);
    if (!status && (again->size != to->size || memcmp(again->bytes, to->bytes, to->size) != 0)) {
        status = assay_fail(err, ASSAY_EVALUE, "the two passphrases differ");
    }
    assay_secret_give(again);
    return status;
}

static enum assay_status from_terminal(struct assay_passphrase *to, const char *prompt, bool is_new,
                                       struct assay_error *err)
{
    struct sigaction action = {0}, before[SIGNAL_COUNT];
    int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (tty < 0) {
        return assay_fail(err, ASSAY_EUSAGE,
                          "a passphrase is needed: --passphrase-file FILE, ASSAY_PASSPHRASE_FILE, "
                          "or a terminal to ask at");
    }
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    caught = 0;
    for (size_t i = 0; i < SIGNAL_COUNT; i++) sigaction(signals[i], &action, &before[i]);
    enum assay_status status = is_new ? ask_twice(tty, prompt, to, err) : ask(tty, prompt, to, err);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) sigaction(signals[i], &before[i], NULL);
    close(tty);
    if (caught) raise((int)caught);
    return status;
}

static enum assay_status from_file(struct assay_passphrase *to, const char *file,
                                   struct assay_error *err)
{
    enum assay_status status =
        assay_private_read(file, to->bytes, sizeof to->bytes, &to->size, err);
    if (!status && to->size > 0 && to->bytes[to->size - 1] == '\n') to->size--;
    return status;
}

enum assay_status assay_passphrase_obtain(struct assay_passphrase **out, const char *file,
                                          const char *prompt, bool is_new, struct assay_error *err)
{
    struct assay_passphrase *passphrase = assay_secret_take(sizeof *passphrase);
    if (!passphrase) return assay_fail(err, ASSAY_EMEMORY, "no locked memory for a passphrase");
    if (!file) file = getenv("ASSAY_PASSPHRASE_FILE");
    enum assay_status status = file && file[0] ? from_file(passphrase, file, err)
                                               : from_terminal(passphrase, prompt, is_new, err);
    if (status) {
        assay_secret_give(passphrase);
    } else {
        *out = passphrase;
    }
    return status;
}

enum assay_status assay_key_open(struct assay_secret_key **out, const char *path,
                                 const char *passphrase_file, struct assay_error *err)
{
    struct assay_sealed_key sealed;
    struct assay_passphrase *passphrase = NULL;
    char prompt[160];
    enum assay_status status = assay_secret_forbid_dumps(err);
    if (!status) status = assay_key_file_read(&sealed, path, err);
    if (status) return status;
    snprintf(prompt, sizeof prompt, "passphrase of %.120s", path);
    status = assay_passphrase_obtain(&passphrase, passphrase_file, prompt, false, err);
    if (status) return status;
    status = assay_while(err, assay_key_unseal(out, &sealed, passphrase, err), "%s", path);
    assay_secret_give(passphrase);
    return status;
}
