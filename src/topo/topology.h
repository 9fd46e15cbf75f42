/* The inside of the room: the topology with hwloc's handle, which no other room sees. */
#ifndef ASSAY_TOPO_TOPOLOGY_H
#define ASSAY_TOPO_TOPOLOGY_H

#include "assay/topology.h"

#include <hwloc.h>

struct assay_topology {
    hwloc_topology_t hwloc;
    char *xml; /* hwloc's */
    char host[256];
    struct assay_topology_facts facts;
};

#endif
