/* A process of a run: one rank of one start of the program, and the machine it computed on. Every
 * sample belongs to one; hardware is thereby a factor for the statistics. Layout: FORMAT.md 5.3. */
#ifndef ASSAY_PROCESS_H
#define ASSAY_PROCESS_H

#include "assay/status.h"

#include <stddef.h>
#include <stdint.h>

enum {
    ASSAY_PROCESS_TEXT_BYTES_MAX = 4096,
    ASSAY_PROCESS_TOPOLOGY_BYTES_MAX = 1 << 22,
    ASSAY_PROCESSES_MAX = 1 << 22
};

/* Texts are UTF-8, never NULL, "" where nothing is known; numbers are 0 then. */
struct assay_process {
    uint32_t rank, ranks;             /* in the run's world */
    uint32_t local_rank, local_ranks; /* among the ranks of its host */
    uint32_t threads, batch, prefill_rows;
    uint32_t packages, numa_nodes, cores, processing_units; /* of the host */
    uint32_t clock_mhz;           /* of the processor, measured at the start under no load */
    uint64_t start_ns;            /* since the Unix epoch */
    uint64_t memory_bytes;        /* installed in the host */
    uint64_t memory_budget_bytes; /* this rank's share of what may be used */
    const char *host;
    const char *cpu;           /* model name */
    const char *launcher;      /* "none", "mpirun", "srun" … */
    const char *job;           /* the batch system's number of the job */
    const char *component;     /* of a heterogeneous job: "1 gpu", number and partition */
    const char *variables;     /* of the batch system: NAME=VALUE lines */
    const char *engine;        /* program and version */
    const char *build;         /* compiler and preset that made it */
    const char *backend, *isa; /* what computed */
    const char *processors;    /* processing units it was bound to, "0-3" */
    const char *memory_nodes;  /* NUMA nodes its memory was bound to */
    const char *grader;        /* kind code: interpreter, version, what held its programs */
    const char *topology;      /* hwloc's XML of the host */
};

#endif
