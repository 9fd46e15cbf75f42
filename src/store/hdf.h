/* A few verbs on libhdf5: its errors as ours, the schema's element types, objects by path. Only
 * this room sees <hdf5.h>, and only one thread may be in it at a time. */
#ifndef ASSAY_STORE_HDF_H
#define ASSAY_STORE_HDF_H

#include "assay/status.h"
#include "store/schema.h"

#include <hdf5.h>
#include <stdbool.h>

/* libhdf5 prints its errors unless told not to; between quiet and loud it is. */
struct assay_hdf_printing {
    H5E_auto2_t print;
    void *context;
};
struct assay_hdf_printing assay_hdf_quiet(void);
void assay_hdf_loud(const struct assay_hdf_printing *before);

/* As assay_fail, for a libhdf5 call that has just failed: adds the innermost message of its error
 * stack. Where that is a failed system call, its error number decides the status (ENOSPC becomes
 * ESPACE), whatever `status` says. */
enum assay_status assay_hdf_fail(struct assay_error *err, enum assay_status status,
                                 const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Release one reference of any object; false when that failed. Negative ids are fine. */
bool assay_hdf_close(hid_t id);

/* The type of an element as it lies in a file, or in memory. The caller closes it; negative on
 * failure. */
hid_t assay_hdf_type(enum assay_element element, bool in_memory);

/* Whether `type` is exactly that of the element in a file; whether `space` is a scalar. */
bool assay_hdf_has_type(hid_t type, enum assay_element element);
bool assay_hdf_is_scalar(hid_t space);

/* Open a results file, or a part of one, for reading: by its path, or its bytes in memory. They do
 * not change once they are published, so that no lock is needed. Negative on failure. */
hid_t assay_hdf_open(const char *path, const uint8_t *data, size_t size);

/* Attributes of one TEXT or u32. */
bool assay_hdf_put_text(hid_t object, const char *name, const char *text);
bool assay_hdf_put_u32(hid_t object, const char *name, uint32_t value);
/* Read one of exactly that element; false where it is not there, or a text has more than size − 1
 * bytes. */
bool assay_hdf_get_text(hid_t object, const char *name, char *to, size_t size);
bool assay_hdf_get_u32(hid_t object, const char *name, uint32_t *to);

#endif
