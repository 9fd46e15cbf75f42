/* The verbs of hdf.h. */
#include "store/hdf.h"

#include "assay/record.h"
#include "assay/spec.h"
#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { IMAGE_STEP_BYTES = 1 << 16 };

struct assay_hdf_printing assay_hdf_quiet(void)
{
    struct assay_hdf_printing before = {NULL, NULL};
    H5dont_atexit(); /* before the library's first use; why: sheet.c */
    H5Eget_auto2(H5E_DEFAULT, &before.print, &before.context);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return before;
}

void assay_hdf_loud(const struct assay_hdf_printing *before)
{
    H5Eset_auto2(H5E_DEFAULT, before->print, before->context);
}

/* What the error stack says: its innermost message, and the number of a failed system call. */
struct cause {
    char text[256];
    int number;
};

/* "… errno = 28, error message = '…', …" → 28 */
static int find_errno(const char *text)
{
    const char *found = strstr(text, "errno = ");
    int number = 0;
    if (!found) return 0;
    for (found += 8; *found >= '0' && *found <= '9' && number < 100000; found++) {
        number = 10 * number + (*found - '0');
    }
    return number;
}

static herr_t read_cause(unsigned depth, const H5E_error2_t *entry, void *context)
{
    struct cause *cause = context;
    if (!entry->desc) return 0;
    if (depth == 0) snprintf(cause->text, sizeof cause->text, "%s", entry->desc);
    if (cause->number == 0) cause->number = find_errno(entry->desc);
    return 0;
}

enum assay_status assay_hdf_fail(struct assay_error *err, enum assay_status status,
                                 const char *format, ...)
{
    struct cause cause = {"no message", 0};
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, read_cause, &cause);
    H5Eclear2(H5E_DEFAULT);
    if (cause.number != 0) return assay_fail_errno(err, cause.number, "%s", what);
    return assay_fail(err, status, "%s (HDF5: %s)", what, cause.text);
}

/* Every call of libhdf5 begins by clearing its error stack: what a failed one before this has to
 * say is put back. */
bool assay_hdf_close(hid_t id)
{
    if (id < 0) return true;
    hid_t said = H5Eget_num(H5E_DEFAULT) > 0 ? H5Eget_current_stack() : -1;
    bool ok = H5Idec_ref(id) >= 0;
    if (said >= 0) H5Eset_current_stack(said);
    return ok;
}

static bool insert(hid_t type, const char *name, unsigned value)
{
    uint8_t number = (uint8_t)value;
    return H5Tenum_insert(type, name, &number) >= 0;
}

static hid_t enum_type(enum assay_element element)
{
    hid_t type = H5Tenum_create(element == ASSAY_ELEMENT_BOOL ? H5T_STD_I8LE : H5T_STD_U8LE);
    bool ok = type >= 0;
#define ROW(name, id, text) ok = ok && insert(type, text, id);
    switch (element) {
    case ASSAY_ELEMENT_BOOL:
        ok = ok && insert(type, "FALSE", 0) && insert(type, "TRUE", 1);
        break;
    case ASSAY_ELEMENT_FINISH:
        ASSAY_FINISH_LIST(ROW)
        break;
    case ASSAY_ELEMENT_VERDICT:
        ASSAY_VERDICT_LIST(ROW)
        break;
    case ASSAY_ELEMENT_DRAW:
        ASSAY_DRAW_LIST(ROW)
        break;
    case ASSAY_ELEMENT_OUTCOME:
        ASSAY_OUTCOME_LIST(ROW)
        break;
    default:
        ASSAY_ASSERT(!"not an enumeration");
    }
#undef ROW
    if (ok) return type;
    assay_hdf_close(type);
    return -1;
}

static hid_t text_type(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && H5Tset_size(type, H5T_VARIABLE) >= 0 &&
        H5Tset_cset(type, H5T_CSET_UTF8) >= 0) {
        return type;
    }
    assay_hdf_close(type);
    return -1;
}

hid_t assay_hdf_type(enum assay_element element, bool in_memory)
{
    switch (element) {
    case ASSAY_ELEMENT_TEXT:
        return text_type();
    case ASSAY_ELEMENT_BYTE:
    case ASSAY_ELEMENT_DIGEST:
        return H5Tcopy(in_memory ? H5T_NATIVE_UINT8 : H5T_STD_U8LE);
    case ASSAY_ELEMENT_U32:
        return H5Tcopy(in_memory ? H5T_NATIVE_UINT32 : H5T_STD_U32LE);
    case ASSAY_ELEMENT_U64:
        return H5Tcopy(in_memory ? H5T_NATIVE_UINT64 : H5T_STD_U64LE);
    case ASSAY_ELEMENT_F32:
        return H5Tcopy(in_memory ? H5T_NATIVE_FLOAT : H5T_IEEE_F32LE);
    case ASSAY_ELEMENT_F64:
        return H5Tcopy(in_memory ? H5T_NATIVE_DOUBLE : H5T_IEEE_F64LE);
    case ASSAY_ELEMENT_BOOL:
    case ASSAY_ELEMENT_FINISH:
    case ASSAY_ELEMENT_VERDICT:
    case ASSAY_ELEMENT_DRAW:
    case ASSAY_ELEMENT_OUTCOME:
        return enum_type(element);
    case ASSAY_ELEMENT_COUNT:
        break;
    }
    ASSAY_ASSERT(!"no such element");
    return -1;
}

bool assay_hdf_has_type(hid_t type, enum assay_element element)
{
    hid_t expected = assay_hdf_type(element, false);
    bool equal = type >= 0 && expected >= 0 && H5Tequal(type, expected) > 0;
    assay_hdf_close(expected);
    return equal;
}

bool assay_hdf_is_scalar(hid_t space)
{
    return space >= 0 && H5Sget_simple_extent_type(space) == H5S_SCALAR;
}

hid_t assay_hdf_open(const char *path, const uint8_t *data, size_t size)
{
    hid_t file = -1, access = H5Pcreate(H5P_FILE_ACCESS);
    bool ok = access >= 0 && H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0;
    if (ok && data) {
        ok = H5Pset_fapl_core(access, IMAGE_STEP_BYTES, false) >= 0 &&
             H5Pset_file_image(access, (void *)(uintptr_t)data, size) >= 0;
    } else if (ok) {
        ok = H5Pset_file_locking(access, false, true) >= 0; /* some file systems have none */
    }
    if (ok) file = H5Fopen(path, H5F_ACC_RDONLY, access);
    assay_hdf_close(access);
    return file;
}

static bool put_attribute(hid_t object, const char *name, enum assay_element element,
                          const void *value)
{
    hid_t type = assay_hdf_type(element, false), memory = assay_hdf_type(element, true);
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = -1;
    if (type >= 0 && memory >= 0 && space >= 0) {
        attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    }
    bool ok = attribute >= 0 && H5Awrite(attribute, memory, value) >= 0;
    ok = assay_hdf_close(attribute) && ok;
    ok = assay_hdf_close(space) && ok;
    ok = assay_hdf_close(memory) && ok;
    return assay_hdf_close(type) && ok;
}

bool assay_hdf_put_text(hid_t object, const char *name, const char *text)
{
    return put_attribute(object, name, ASSAY_ELEMENT_TEXT, &text);
}

bool assay_hdf_put_u32(hid_t object, const char *name, uint32_t value)
{
    return put_attribute(object, name, ASSAY_ELEMENT_U32, &value);
}

static bool get_attribute(hid_t object, const char *name, enum assay_element element, void *to)
{
    if (H5Aexists(object, name) <= 0) return false;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT), memory = assay_hdf_type(element, true);
    hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
    hid_t space = attribute < 0 ? -1 : H5Aget_space(attribute);
    bool ok = memory >= 0 && assay_hdf_has_type(type, element) && assay_hdf_is_scalar(space) &&
              H5Aread(attribute, memory, to) >= 0;
    assay_hdf_close(space);
    assay_hdf_close(type);
    assay_hdf_close(memory);
    assay_hdf_close(attribute);
    return ok;
}

bool assay_hdf_get_text(hid_t object, const char *name, char *to, size_t size)
{
    char *text = NULL;
    bool ok = get_attribute(object, name, ASSAY_ELEMENT_TEXT, &text) && text && strlen(text) < size;
    if (ok) memcpy(to, text, strlen(text) + 1);
    if (text) H5free_memory(text);
    return ok;
}

bool assay_hdf_get_u32(hid_t object, const char *name, uint32_t *to)
{
    return get_attribute(object, name, ASSAY_ELEMENT_U32, to);
}
