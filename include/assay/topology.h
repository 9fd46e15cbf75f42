/* The machine a process runs on: what it is made of, which part of it this process may use, and how
 * the ranks of one host share it. HWLOC_XMLFILE and HWLOC_SYNTHETIC put another machine in its
 * place, for tests; nothing is bound then. */
#ifndef ASSAY_TOPOLOGY_H
#define ASSAY_TOPOLOGY_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ASSAY_CPUSET_BITS = 4096, ASSAY_BINDING_BYTES = 160 };

/* A set of processing units by their operating-system numbers; fixed, so that ranks can exchange
 * it. */
struct assay_cpuset {
    uint64_t words[ASSAY_CPUSET_BITS / 64];
};

struct assay_topology; /* owns what its facts lend */

struct assay_topology_facts {
    const char *host; /* as the machine calls itself */
    const char *cpu;  /* model name, "" if unknown */
    const char *xml;  /* hwloc's XML of the whole machine */
    uint32_t packages, numa_nodes, cores, processing_units;
    uint64_t memory_bytes; /* installed */
    bool this_machine;     /* false for a topology that was put in its place */
};

ASSAY_MUST_CHECK enum assay_status assay_topology_open(struct assay_topology **out,
                                                       struct assay_error *err);
void assay_topology_close(struct assay_topology *topology); /* NULL is fine */
const struct assay_topology_facts *assay_topology_facts(const struct assay_topology *topology);

/* The processing units that this process may use now: what a launcher, a batch system or a
 * container left to it. */
struct assay_cpuset assay_topology_allowed(const struct assay_topology *topology);

/* Memory that may be used on this host, bytes: the least of what is free, what the control groups
 * allow and what the batch system granted ($SLURM_MEM_PER_NODE); UINT64_MAX if nothing is known. */
uint64_t assay_topology_memory(const struct assay_topology *topology);

/* A rank's part of its host. */
struct assay_placement; /* owns its sets; the topology outlives it */

struct assay_placement_facts {
    uint32_t cores;                       /* in the rank's part, 1 … */
    uint32_t threads;                     /* asked for, or one a core */
    bool shared;                          /* more ranks than cores: parts overlap */
    char processors[ASSAY_BINDING_BYTES]; /* "0-3": of the rank; cut with "…" */
    char memory[ASSAY_BINDING_BYTES];     /* NUMA nodes, "0"; "0-1 interleaved"; "" if unbound */
};

/* Share a host: `allowed` has one set for each of `ranks` ranks of this host, in the order of their
 * local ranks; this is rank `rank`. Ranks with the same set (a launcher that binds nothing) divide
 * it among themselves by cores that lie together; a rank with a set of its own keeps it. `threads`
 * 0: one a core. Pure: nothing is bound. */
ASSAY_MUST_CHECK enum assay_status
assay_placement_create(struct assay_placement **out, const struct assay_topology *topology,
                       const struct assay_cpuset *allowed, uint32_t ranks, uint32_t rank,
                       uint32_t threads, struct assay_error *err);
void assay_placement_destroy(struct assay_placement *placement); /* NULL is fine */
const struct assay_placement_facts *assay_placement_facts(const struct assay_placement *placement);

/* Prefer memory of the rank's own NUMA nodes from now on: of one node, or interleaved over several.
 * On a machine with one node, or where the system refuses, facts say "" and the system's own policy
 * stays. */
void assay_placement_bind_memory(struct assay_placement *placement);
/* Bind the calling thread to its processing unit; for struct assay_team_place. `context` is the
 * placement. Where the system refuses, the thread stays free. */
void assay_placement_bind_thread(void *context, unsigned thread);

#endif
