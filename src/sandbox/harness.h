/* The text of harness.py, as the build puts it into the program. */
#ifndef ASSAY_SANDBOX_HARNESS_H
#define ASSAY_SANDBOX_HARNESS_H

extern const char assay_harness[];

#endif
