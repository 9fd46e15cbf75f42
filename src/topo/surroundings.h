/* What stands around the machine that hwloc does not tell: the GPU's driver, a container. */
#ifndef ASSAY_TOPO_SURROUNDINGS_H
#define ASSAY_TOPO_SURROUNDINGS_H

/* Name and value, clean texts lent for the call. */
typedef void assay_surroundings_tell(void *context, const char *name, const char *value);

/* Tell what is found below the folder `root` ("" for this machine): NVIDIADriver, the first line of
 * the driver's own version file; Container: docker, podman or apptainer. */
void assay_surroundings_find(const char *root, assay_surroundings_tell *tell, void *context);

#endif
