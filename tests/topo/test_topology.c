/* Machines made by hwloc's synthetic descriptions: what they are made of, and how ranks share
 * them. */
#include "harness/check.h"
#include "harness/folder.h"

#include "assay/topology.h"
#include "base/file.h"
#include "topo/memory.h"
#include "topo/surroundings.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { RANKS_MAX = 16 };

static struct assay_topology *open_machine(const char *synthetic)
{
    struct assay_error err;
    struct assay_topology *topology;
    setenv("HWLOC_SYNTHETIC", synthetic, 1);
    check_ok(assay_topology_open(&topology, &err), &err);
    unsetenv("HWLOC_SYNTHETIC");
    return topology;
}

static void test_facts(void **state)
{
    (void)state;
    static const struct {
        const char *machine;
        uint32_t packages, nodes, cores, units;
    } cases[] = {{"pack:2 core:8 pu:2", 2, 1, 16, 32},
                 {"pack:2 [numa] core:4 pu:1", 2, 2, 8, 8},
                 {"core:1 pu:1", 0, 1, 1, 1}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct assay_topology *topology = open_machine(cases[i].machine);
        const struct assay_topology_facts *facts = assay_topology_facts(topology);
        assert_int_equal(facts->packages, cases[i].packages);
        assert_int_equal(facts->numa_nodes, cases[i].nodes);
        assert_int_equal(facts->cores, cases[i].cores);
        assert_int_equal(facts->processing_units, cases[i].units);
        assert_false(facts->this_machine);
        assert_non_null(strstr(facts->xml, "<topology"));
        assert_true(assay_topology_memory(topology) > 0);
        assay_topology_close(topology);
    }
}

static struct assay_cpuset set_of(unsigned first, unsigned last)
{
    struct assay_cpuset set = {{0}};
    for (unsigned i = first; i <= last; i++) set.words[i / 64] |= UINT64_C(1) << (i % 64);
    return set;
}

/* Ranks with their sets; what each must get. */
static const struct sharing {
    const char *machine;
    uint32_t ranks, threads;
    unsigned sets[4][2]; /* first and last processing unit; the last row repeats */
    const char *parts[4];
    uint32_t cores, threads_got;
    bool shared;
} sharings[] = {
    /* Nothing was bound: the machine is divided by cores that lie together. */
    {"core:8 pu:1", 2, 0, {{0, 7}, {0, 7}}, {"0-3", "4-7"}, 4, 4, false},
    {"pack:2 [numa] core:4 pu:2", 2, 0, {{0, 15}, {0, 15}}, {"0-7", "8-15"}, 4, 4, false},
    {"core:2 pu:1", 1, 0, {{0, 1}}, {"0-1"}, 2, 2, false},
    /* One hyper-threaded core each, one thread a core. */
    {"core:2 pu:2", 2, 0, {{0, 3}, {0, 3}}, {"0-1", "2-3"}, 1, 1, false},
    /* A launcher has bound each rank: its set stays. */
    {"core:8 pu:1", 2, 0, {{0, 1}, {4, 7}}, {"0-1", "4-7"}, 0, 0, false},
    /* Two ranks in each half. */
    {"core:8 pu:1",
     4,
     0,
     {{0, 3}, {4, 7}, {0, 3}, {4, 7}},
     {"0-1", "4-5", "2-3", "6-7"},
     2,
     2,
     false},
    /* More ranks than cores: they share, and it is said. */
    {"core:2 pu:1", 4, 0, {{0, 1}, {0, 1}, {0, 1}, {0, 1}}, {NULL}, 1, 1, true},
    /* More threads than cores, as the user asked. */
    {"core:2 pu:1", 1, 5, {{0, 1}}, {"0-1"}, 2, 5, false},
    /* Half a core. */
    {"core:2 pu:2", 1, 0, {{1, 1}}, {"1"}, 1, 1, false},
};

static void test_placement(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sharings); i++) {
        const struct sharing *sharing = &sharings[i];
        struct assay_topology *topology = open_machine(sharing->machine);
        struct assay_cpuset sets[4];
        for (uint32_t r = 0; r < sharing->ranks; r++) {
            sets[r] = set_of(sharing->sets[r][0], sharing->sets[r][1]);
        }
        for (uint32_t r = 0; r < sharing->ranks; r++) {
            struct assay_placement *placement;
            struct assay_error err;
            check_ok(assay_placement_create(&placement, topology, sets, sharing->ranks, r,
                                            sharing->threads, &err),
                     &err);
            const struct assay_placement_facts *facts = assay_placement_facts(placement);
            if (sharing->parts[r]) assert_string_equal(facts->processors, sharing->parts[r]);
            if (sharing->cores) {
                assert_int_equal(facts->cores, sharing->cores);
                assert_int_equal(facts->threads, sharing->threads_got);
            }
            assert_int_equal(facts->shared, sharing->shared);
            assay_placement_bind_memory(placement); /* of another machine: nothing happens */
            assay_placement_bind_thread(placement, 0);
            assert_string_equal(facts->memory, "");
            assay_placement_destroy(placement);
        }
        assay_topology_close(topology);
    }
}

/* A set that names nothing of the machine means all of it. */
static void test_empty_set(void **state)
{
    struct assay_topology *topology = open_machine("core:4 pu:1");
    struct assay_cpuset none = {{0}};
    struct assay_placement *placement;
    struct assay_error err;
    (void)state;
    check_ok(assay_placement_create(&placement, topology, &none, 1, 0, 0, &err), &err);
    assert_string_equal(assay_placement_facts(placement)->processors, "0-3");
    assay_placement_destroy(placement);
    assay_topology_close(topology);
}

/* This very machine: what is allowed is not empty, and binding to it works or does no harm. */
static void test_this_machine(void **state)
{
    struct assay_topology *topology;
    struct assay_placement *placement;
    struct assay_error err;
    uint64_t bits = 0;
    (void)state;
    check_ok(assay_topology_open(&topology, &err), &err);
    struct assay_cpuset allowed = assay_topology_allowed(topology);
    for (size_t i = 0; i < COUNT_OF(allowed.words); i++) bits |= allowed.words[i];
    assert_true(bits != 0);
    check_ok(assay_placement_create(&placement, topology, &allowed, 1, 0, 1, &err), &err);
    assay_placement_bind_memory(placement);
    assay_placement_bind_thread(placement, 0);
    struct assay_cpuset bound = assay_topology_allowed(topology);
    for (size_t i = 0; i < COUNT_OF(bound.words); i++) {
        assert_int_equal(bound.words[i] & ~allowed.words[i], 0);
    }
    assert_true(assay_topology_memory(topology) > 0);
    assay_placement_destroy(placement);
    assay_topology_close(topology);
}

static void test_memory_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } limits[] = {{"max\n", UINT64_MAX},
                  {"", UINT64_MAX},
                  {"1073741824\n", 1073741824},
                  {"0", 0},
                  {"12x", UINT64_MAX},
                  {"-1", UINT64_MAX},
                  {"99999999999999999999999999", UINT64_MAX}};
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        assert_true(assay_memory_limit_in(limits[i].text) == limits[i].bytes);
    }
    assert_true(assay_memory_available_in("MemTotal: 5 kB\nMemAvailable:   2048 kB\n") == 2097152);
    assert_true(assay_memory_available_in("MemTotal: 5 kB\n") == UINT64_MAX);
    assert_true(assay_memory_available_in("MemAvailable: none\n") == UINT64_MAX);
    setenv("SLURM_MEM_PER_NODE", "3", 1);
    assert_true(assay_memory_limit() <= UINT64_C(3) << 20);
    unsetenv("SLURM_MEM_PER_NODE");
}

static void note(void *context, const char *name, const char *value)
{
    char *told = context;
    size_t used = strlen(told);
    snprintf(told + used, 512 - used, "%s=%s;", name, value);
}

/* A driver's own words, the marks of containers; nothing where there are none or no clean text. */
static void test_surroundings(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    struct assay_error err;
    char path[FOLDER_PATH_BYTES], told[512] = "";
    static const char words[] = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15\nGCC\n";
    assay_surroundings_find(folder.path, note, told);
    assert_string_equal(told, "");
    static const char *const folders[] = {"proc", "proc/driver", "proc/driver/nvidia", "run"};
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        folder_path(&folder, folders[i], path);
        assert_int_equal(mkdir(path, 0777), 0);
    }
    folder_path(&folder, ".dockerenv", path);
    check_ok(assay_file_write(path, "", 0, &err), &err);
    folder_path(&folder, "run/.containerenv", path);
    check_ok(assay_file_write(path, "", 0, &err), &err);
    folder_path(&folder, "proc/driver/nvidia/version", path);
    check_ok(assay_file_write(path, words, sizeof words - 1, &err), &err);
    assay_surroundings_find(folder.path, note, told);
    assert_string_equal(told, "NVIDIADriver=NVRM version: NVIDIA UNIX x86_64 Kernel Module  "
                              "550.54.15;Container=docker;Container=podman;");
    told[0] = '\0';
    check_ok(assay_file_write(path, "\x1b[2J\n", 5, &err), &err);
    assay_surroundings_find(folder.path, note, told);
    assert_string_equal(told, "Container=docker;Container=podman;");
    static const char *const files[] = {".dockerenv", "run/.containerenv",
                                        "proc/driver/nvidia/version"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        folder_path(&folder, files[i], path);
        assert_int_equal(unlink(path), 0);
    }
    for (size_t i = COUNT_OF(folders); i-- > 0;) {
        folder_path(&folder, folders[i], path);
        assert_int_equal(rmdir(path), 0);
    }
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),        cmocka_unit_test(test_placement),
        cmocka_unit_test(test_empty_set),    cmocka_unit_test(test_this_machine),
        cmocka_unit_test(test_memory_texts), cmocka_unit_test(test_surroundings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
