/* The signer's socket: what it signs, what it refuses, and who may ask. */
#include "signed.h"

#include "attest/wire.h"
#include "base/clock.h"
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static volatile sig_atomic_t stop_requested;

static void request_stop(int number)
{
    (void)number;
    stop_requested = 1;
}

struct server {
    pid_t pid;
    char path[FOLDER_PATH_BYTES];
};

/* Somebody listens there; to the signer it is a client who thinks better of it. */
static bool answers(const char *path)
{
    struct sockaddr_un address;
    struct assay_error err;
    check_ok(assay_wire_address(&address, path, &err), &err);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool does = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return does;
}

static void start(struct server *server, struct bundle *bundle)
{
    folder_path(&bundle->place.folder, "sock", server->path);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        struct assay_error err;
        const struct assay_signer signer = {.signing = {bundle->key, bundle->log},
                                            .socket_path = server->path,
                                            .stop = &stop_requested};
        signal(SIGTERM, request_stop);
        _exit(assay_signer_serve(&signer, &err) == ASSAY_OK ? 0 : 1);
    }
    while (!answers(server->path)) {
        assert_int_equal(waitpid(server->pid, NULL, WNOHANG), 0);
        usleep(1000);
    }
    struct stat info;
    assert_int_equal(stat(server->path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
}

static void stop(const struct server *server)
{
    int result;
    assert_int_equal(kill(server->pid, SIGTERM), 0);
    assert_int_equal(waitpid(server->pid, &result, 0), server->pid);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    assert_int_not_equal(access(server->path, F_OK), 0);
}

/* The PAE of the bundle's statement for a round. */
static struct assay_bytes pae_of(struct bundle *bundle, uint64_t round)
{
    struct assay_bytes statement = {0}, pae = {0};
    struct assay_error err;
    const struct assay_attest_round of = {"c", "t", round};
    check_ok(assay_attest_statement(&statement, bundle->place.file, NULL, &of, &err), &err);
    check_ok(assay_dsse_pae(&pae, ASSAY_PAYLOAD_TYPE, statement.data, statement.size, &err), &err);
    assay_bytes_fini(&statement);
    return pae;
}

static enum assay_status ask(const struct server *server, const void *pae, size_t size,
                             struct assay_error *err)
{
    struct assay_signature signature;
    struct assay_public_key key;
    return assay_signer_ask(&signature, &key, server->path, pae, size, err);
}

static void test_signs(void **state)
{
    struct bundle *bundle = *state;
    struct server server;
    struct assay_signature signature, here;
    struct assay_public_key key;
    struct assay_error err;
    struct assay_bytes pae = pae_of(bundle, 1);
    start(&server, bundle);
    check_ok(assay_signer_ask(&signature, &key, server.path, pae.data, pae.size, &err), &err);
    assert_true(assay_public_key_equal(&key, &bundle->public));
    here = assay_sign(bundle->key, pae.data, pae.size);
    assert_memory_equal(&here, &signature, sizeof here);
    check_ok(ask(&server, pae.data, pae.size, &err), &err); /* the same root again */

    /* Another root for the round: refused through the socket, and after it without. */
    char *root = strstr((char *)pae.data, "\"merkleRoot\":\"");
    assert_non_null(root);
    root[14] = root[14] == '0' ? '1' : '0';
    check_refused(ask(&server, pae.data, pae.size, &err), ASSAY_EFAILED, &err,
                  "the signer refuses: ");
    assert_non_null(strstr(err.text, "two roots for one round"));
    stop(&server);
    const struct assay_signing signing = {bundle->key, bundle->log};
    check_refused(assay_signing_sign(&here, &signing, pae.data, pae.size, &err), ASSAY_EFAILED,
                  &err, "two roots for one round");
    check_refused(ask(&server, pae.data, pae.size, &err), ASSAY_ENOTFOUND, &err,
                  "no signer answers");
    assay_bytes_fini(&pae);
}

static void test_refuses(void **state)
{
    struct bundle *bundle = *state;
    static const struct {
        const char *pae;
        enum assay_status status;
        const char *quoted;
    } rows[] = {
        {"hello", ASSAY_EFORMAT, "not what DSSE signs"},
        {"DSSEv1 4 text 2 {}", ASSAY_EUNSUPPORTED, "payload type \"text\""},
        {"DSSEv1 28 application/vnd.in-toto+json 2 {}", ASSAY_EFORMAT, "_type is missing"},
        {"DSSEv1 28 application/vnd.in-toto+json 2 {]", ASSAY_EFORMAT, "1:"},
    };
    struct server server;
    struct assay_error err;
    start(&server, bundle);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_refused(ask(&server, rows[i].pae, strlen(rows[i].pae), &err), rows[i].status, &err,
                      rows[i].quoted);
    }
    static char big[ASSAY_SIGNER_REQUEST_BYTES_MAX + 1];
    check_refused(ask(&server, big, sizeof big, &err), ASSAY_EVALUE, &err, "65537 bytes");
    check_refused(ask(&server, big, 0, &err), ASSAY_EVALUE, &err, "0 bytes");
    stop(&server);
}

/* The statement of a site is signed by that site's key alone. */
static void test_site(void **state)
{
    struct bundle *bundle = *state;
    struct assay_bytes statement = {0}, pae = {0};
    struct assay_error err;
    struct assay_signature signature;
    const struct assay_attest_round none = {NULL, NULL, 0};
    const struct assay_signing signing = {bundle->key, bundle->log};
    check_ok(assay_attest_statement(&statement, bundle->place.file, NULL, &none, &err), &err);
    char *sited = bundle_replace(
        (const char *)statement.data, "\"site\":\"\"",
        "\"site\":\"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"");
    check_ok(assay_dsse_pae(&pae, ASSAY_PAYLOAD_TYPE, sited, strlen(sited), &err), &err);
    check_refused(assay_signing_sign(&signature, &signing, pae.data, pae.size, &err),
                  ASSAY_EMISMATCH, &err, "site d75a9801");
    free(sited);
    assay_bytes_fini(&pae);
    assay_bytes_fini(&statement);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address;
    struct assay_error err;
    check_ok(assay_wire_address(&address, path, &err), &err);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Broken clients cost the signer nothing, and the next one is served. */
static void test_broken_clients(void **state)
{
    struct bundle *bundle = *state;
    static const uint8_t huge[4] = {0xff, 0xff, 0xff, 0xff}, cut[6] = {100, 0, 0, 0, 'D', 'S'};
    struct server server;
    struct assay_error err;
    struct assay_bytes pae = pae_of(bundle, 77);
    uint8_t answer;
    start(&server, bundle);
    close(connect_to(server.path));
    int fd = connect_to(server.path);
    assert_int_equal(send(fd, huge, sizeof huge, 0), sizeof huge);
    check_ok(assay_wire_read(fd, &answer, 1, assay_clock_monotonic_ns() + 60000000000, &err), &err);
    assert_int_equal(answer, ASSAY_EFORMAT);
    close(fd);
    fd = connect_to(server.path);
    assert_int_equal(send(fd, cut, sizeof cut, 0), sizeof cut);
    close(fd);
    check_ok(ask(&server, pae.data, pae.size, &err), &err);
    stop(&server);
    assay_bytes_fini(&pae);
}

static void test_socket_path(void **state)
{
    struct bundle *bundle = *state;
    struct assay_error err;
    char path[FOLDER_PATH_BYTES], longest[200];
    struct sockaddr_un address;
    const volatile sig_atomic_t stopped = 1;
    struct assay_signer signer = {.signing = {bundle->key, bundle->log}, .stop = &stopped};
    signer.socket_path = folder_path(&bundle->place.folder, "taken", path);
    check_ok(assay_file_write(path, "x", 1, &err), &err);
    check_refused(assay_signer_serve(&signer, &err), ASSAY_EVALUE, &err, "something is there");
    unlink(path);
    /* What a killed signer left is replaced. */
    check_ok(assay_wire_address(&address, path, &err), &err);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    check_ok(assay_signer_serve(&signer, &err), &err);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    signer.socket_path = longest;
    check_refused(assay_signer_serve(&signer, &err), ASSAY_EVALUE, &err, "1 to 107 bytes");
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t size;
        bool valid;
    } rows[] = {
        {"\3\0\0\0abc", 7, true}, {"\3\0\0\0ab", 6, false}, {"\3\0\0\0abcd", 8, false},
        {"\0\0\0\0", 4, false},   {"\3\0\0", 3, false},     {"", 0, false},
        {"\1\0\1\0x", 5, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const uint8_t *pae = NULL;
        size_t size = 0;
        struct assay_error err = {ASSAY_OK, ""};
        enum assay_status status =
            assay_signer_parse(&pae, &size, (const uint8_t *)rows[i].data, rows[i].size, &err);
        if (rows[i].valid) {
            check_ok(status, &err);
            assert_int_equal(size, 3);
        } else {
            check_refused(status, ASSAY_EFORMAT, &err, "request");
        }
    }
}

static int set_up(void **state)
{
    static struct bundle bundle;
    bundle_make(&bundle);
    *state = &bundle;
    return 0;
}

static int tear_down(void **state)
{
    bundle_drop(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signs),       cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_site),        cmocka_unit_test(test_broken_clients),
        cmocka_unit_test(test_socket_path), cmocka_unit_test(test_parse),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
