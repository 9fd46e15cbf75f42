/* One question to the interpreter, before anything is walled in. */
#define _GNU_SOURCE
#include "sandbox/interpreter.h"

#include "base/bytes.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { ANSWER_BYTES_MAX = 64 << 10 };

/* The folders: its prefixes, its path of modules, and where its shared libraries lie. Where /lib is
 * a folder and no link into /usr, the loader lies there. */
static const char question[] =
    "import json, os, platform, sys\n"
    "folders = {'/usr', os.path.dirname(os.path.realpath(sys.executable)), sys.prefix,\n"
    "           sys.base_prefix, sys.exec_prefix, *sys.path}\n"
    "for line in open('/proc/self/maps'):\n"
    "    name = line.split(None, 5)[-1].strip()\n"
    "    if '.so' in name and name.startswith('/'):\n"
    "        folders.add(os.path.dirname(name))\n"
    "folders |= {f for f in ('/lib', '/lib64') if not os.path.islink(f)}\n"
    "folders = {os.path.abspath(f) for f in folders if f and os.path.isdir(f)}\n"
    "folders = {f for f in folders\n"
    "           if not any(f != g and f.startswith(g.rstrip('/') + '/') for g in folders)}\n"
    "print(json.dumps({'executable': os.path.abspath(sys.executable),\n"
    "    'name': platform.python_implementation(), 'version': platform.python_version(),\n"
    "    'recent': int(sys.version_info >= (3, 8)), 'home': os.path.expanduser('~'),\n"
    "    'folders': sorted(folders)}))\n";

static enum assay_status read_all(int fd, struct assay_bytes *out, struct assay_error *err)
{
    char block[4096];
    for (;;) {
        ssize_t size = read(fd, block, sizeof block);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return assay_fail_errno(err, errno, "its answer");
        if (size == 0) return ASSAY_OK;
        if (out->size + (size_t)size > ANSWER_BYTES_MAX) {
            return assay_fail(err, ASSAY_EFORMAT, "it answers with more than %d bytes",
                              ANSWER_BYTES_MAX);
        }
        enum assay_status status = assay_bytes_append(out, block, (size_t)size, err);
        if (status) return status;
    }
}

static enum assay_status ask(const char *name, struct assay_bytes *out, struct assay_error *err)
{
    posix_spawn_file_actions_t actions;
    int ends[2], exit_status = 0;
    pid_t pid = 0;
    char *argv[] = {(char *)name, "-s", "-B", "-c", (char *)question, NULL};
    if (pipe2(ends, O_CLOEXEC) != 0) return assay_fail_errno(err, errno, "pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int failed = posix_spawnp(&pid, name, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    enum assay_status status = failed ? assay_fail_errno(err, failed, "it cannot be started")
                                      : read_all(ends[0], out, err);
    close(ends[0]);
    if (failed) return status;
    while (waitpid(pid, &exit_status, 0) < 0 && errno == EINTR) {
    }
    if (!status && exit_status != 0) {
        bool ended = WIFEXITED(exit_status);
        return assay_fail(err, ASSAY_EUNSUPPORTED, "it does not run Python 3: it ends with %s %d",
                          ended ? "exit code" : "signal",
                          ended ? WEXITSTATUS(exit_status) : WTERMSIG(exit_status));
    }
    return status;
}

static bool copy(char *to, size_t size, const char *text)
{
    size_t length = text ? strlen(text) : size;
    if (length >= size) return false;
    memcpy(to, text, length + 1);
    return true;
}

static enum assay_status read_folders(struct assay_interpreter *out, const struct assay_json *list,
                                      const char *home, struct assay_error *err)
{
    bool is_list = list && assay_json_type(list) == ASSAY_JSON_ARRAY;
    out->folder_count = is_list ? assay_json_count(list) : 0;
    if (!is_list || out->folder_count > ASSAY_FOLDERS_MAX) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "it names no folders, or more than %d",
                          ASSAY_FOLDERS_MAX);
    }
    for (size_t i = 0; i < out->folder_count; i++) {
        const char *folder = assay_json_text(assay_json_element(list, i));
        if (!folder || folder[0] != '/' || !copy(out->folders[i], ASSAY_PATH_BYTES, folder)) {
            return assay_fail(err, ASSAY_EUNSUPPORTED,
                              "one of its folders is no path that we take");
        }
        if (!folder[1] || (home && strcmp(home, folder) == 0)) {
            return assay_fail(err, ASSAY_EUNSUPPORTED,
                              "it is installed in \"%s\", and programs would see all of that",
                              folder);
        }
    }
    return ASSAY_OK;
}

static enum assay_status read_answer(struct assay_interpreter *out, const struct assay_json *answer,
                                     struct assay_error *err)
{
    const char *path = assay_json_text(assay_json_member(answer, "executable"));
    const char *name = assay_json_text(assay_json_member(answer, "name"));
    const char *version = assay_json_text(assay_json_member(answer, "version"));
    const struct assay_json *recent = assay_json_member(answer, "recent");
    const struct assay_json *home = assay_json_member(answer, "home");
    bool is_recent = recent && assay_json_integer(recent) == 1;
    if (!path || path[0] != '/' || !name || !version || !copy(out->path, sizeof out->path, path) ||
        strlen(name) + strlen(version) + 2 > sizeof out->version) {
        return assay_fail(err, ASSAY_EFORMAT, "its answer has no executable, name and version");
    }
    size_t length = strlen(name);
    memcpy(out->version, name, length);
    out->version[length] = ' ';
    memcpy(out->version + length + 1, version, strlen(version) + 1);
    if (!is_recent) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "it is %s; Python 3.8 or later is needed",
                          out->version);
    }
    return read_folders(out, assay_json_member(answer, "folders"),
                        home ? assay_json_text(home) : NULL, err);
}

enum assay_status assay_interpreter_parse(struct assay_interpreter *out, const char *text,
                                          size_t size, struct assay_error *err)
{
    struct assay_json *answer = NULL;
    *out = (struct assay_interpreter){0};
    enum assay_status status =
        assay_while(err, assay_json_parse(&answer, text, size, err), "its answer");
    if (!status && assay_json_type(answer) != ASSAY_JSON_OBJECT) {
        status = assay_fail(err, ASSAY_EFORMAT, "its answer is not an object");
    }
    if (!status) status = read_answer(out, answer, err);
    assay_json_destroy(answer);
    return status;
}

enum assay_status assay_interpreter_find(struct assay_interpreter *out, const char *name,
                                         struct assay_error *err)
{
    struct assay_bytes text = {0};
    if (!name) name = "python3";
    enum assay_status status = ask(name, &text, err);
    if (!status) status = assay_interpreter_parse(out, (const char *)text.data, text.size, err);
    assay_bytes_fini(&text);
    /* One that is missing, too old or no Python at all is nothing that any input says. */
    if (status && assay_exit_code(status) != assay_exit_code(ASSAY_EMACHINE)) {
        status = ASSAY_EMACHINE;
    }
    return assay_while(err, status, "interpreter \"%.200s\"", name);
}
