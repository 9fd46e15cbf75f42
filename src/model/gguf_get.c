/* Typed access to a parsed GGUF file. */
#include "model/gguf_table.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/exact.h"

#include <stdlib.h>
#include <string.h>

static const char *type_name(enum assay_gguf_type type)
{
    static const char *const names[ASSAY_GGUF_TYPE_COUNT] = {
        [ASSAY_GGUF_U8] = "a u8",        [ASSAY_GGUF_I8] = "an i8",    [ASSAY_GGUF_U16] = "a u16",
        [ASSAY_GGUF_I16] = "an i16",     [ASSAY_GGUF_U32] = "a u32",   [ASSAY_GGUF_I32] = "an i32",
        [ASSAY_GGUF_F32] = "an f32",     [ASSAY_GGUF_BOOL] = "a bool", [ASSAY_GGUF_TEXT] = "a text",
        [ASSAY_GGUF_ARRAY] = "an array", [ASSAY_GGUF_U64] = "a u64",   [ASSAY_GGUF_I64] = "an i64",
        [ASSAY_GGUF_F64] = "an f64",
    };
    return names[type];
}

static int key_is(const void *key, const void *value)
{
    return strcmp(key, ((const struct assay_gguf_value *)value)->key);
}

static const struct assay_gguf_value *find(const struct assay_gguf *gguf, const char *key)
{
    if (gguf->key_count == 0) return NULL;
    return bsearch(key, gguf->values, gguf->key_count, sizeof *gguf->values, key_is);
}

/* *out is NULL when an optional key is absent. */
static enum assay_status look_up(const struct assay_gguf *gguf, const char *key,
                                 enum assay_gguf_need need, const struct assay_gguf_value **out,
                                 struct assay_error *err)
{
    *out = find(gguf, key);
    if (!*out && need == ASSAY_GGUF_REQUIRED) {
        return assay_fail(err, ASSAY_EFORMAT, "key %s is missing", key);
    }
    return ASSAY_OK;
}

static enum assay_status wrong_type(const struct assay_gguf_value *value, const char *expected,
                                    struct assay_error *err)
{
    return assay_fail(err, ASSAY_EFORMAT, "key %s is %s, not %s", value->key,
                      type_name(value->type), expected);
}

size_t assay_gguf_tensor_count(const struct assay_gguf *gguf)
{
    return gguf->tensor_count;
}

const struct assay_gguf_tensor *assay_gguf_tensor_at(const struct assay_gguf *gguf, size_t index)
{
    ASSAY_ASSERT(index < gguf->tensor_count);
    return &gguf->tensors[index];
}

static int name_is(const void *name, const void *tensor)
{
    return strcmp(name, ((const struct assay_gguf_tensor *)tensor)->name);
}

const struct assay_gguf_tensor *assay_gguf_tensor_find(const struct assay_gguf *gguf,
                                                       const char *name, size_t *index)
{
    if (gguf->tensor_count == 0) return NULL;
    const struct assay_gguf_tensor *tensor =
        bsearch(name, gguf->tensors, gguf->tensor_count, sizeof *gguf->tensors, name_is);
    if (tensor) *index = (size_t)(tensor - gguf->tensors);
    return tensor;
}

size_t assay_gguf_key_count(const struct assay_gguf *gguf)
{
    return gguf->key_count;
}

const char *assay_gguf_key_at(const struct assay_gguf *gguf, size_t index)
{
    ASSAY_ASSERT(index < gguf->key_count);
    return gguf->values[index].key;
}

bool assay_gguf_has(const struct assay_gguf *gguf, const char *key)
{
    return find(gguf, key) != NULL;
}

/* False for a value that is no integer. A negative one becomes larger than any u32. */
static bool as_integer(const struct assay_gguf_value *value, uint64_t *out)
{
    const uint8_t *data = value->array.data;
    switch (value->type) {
    case ASSAY_GGUF_U8:
        *out = data[0];
        return true;
    case ASSAY_GGUF_I8:
        *out = (uint64_t)(int64_t)(int8_t)data[0];
        return true;
    case ASSAY_GGUF_U16:
        *out = assay_get_le16(data);
        return true;
    case ASSAY_GGUF_I16:
        *out = (uint64_t)(int64_t)(int16_t)assay_get_le16(data);
        return true;
    case ASSAY_GGUF_U32:
        *out = assay_get_le32(data);
        return true;
    case ASSAY_GGUF_I32:
        *out = (uint64_t)(int64_t)(int32_t)assay_get_le32(data);
        return true;
    case ASSAY_GGUF_U64:
    case ASSAY_GGUF_I64:
        *out = assay_get_le64(data);
        return true;
    default:
        return false;
    }
}

enum assay_status assay_gguf_get_u32(const struct assay_gguf *gguf, const char *key,
                                     enum assay_gguf_need need, uint32_t *out,
                                     struct assay_error *err)
{
    const struct assay_gguf_value *value = NULL;
    uint64_t integer = 0;
    enum assay_status status = look_up(gguf, key, need, &value, err);
    if (status || !value) return status;
    if (!as_integer(value, &integer)) return wrong_type(value, "an integer", err);
    if (integer > UINT32_MAX) {
        return assay_fail(err, ASSAY_EFORMAT, "key %s is %lld, outside of 0 to %lu", key,
                          (long long)(int64_t)integer, (unsigned long)UINT32_MAX);
    }
    *out = (uint32_t)integer;
    return ASSAY_OK;
}

enum assay_status assay_gguf_get_f32(const struct assay_gguf *gguf, const char *key,
                                     enum assay_gguf_need need, float *out, struct assay_error *err)
{
    const struct assay_gguf_value *value = NULL;
    enum assay_status status = look_up(gguf, key, need, &value, err);
    if (status || !value) return status;
    if (value->type != ASSAY_GGUF_F32) return wrong_type(value, "an f32", err);
    *out = assay_float(assay_get_le32(value->array.data));
    return ASSAY_OK;
}

enum assay_status assay_gguf_get_bool(const struct assay_gguf *gguf, const char *key,
                                      enum assay_gguf_need need, bool *out, struct assay_error *err)
{
    const struct assay_gguf_value *value = NULL;
    enum assay_status status = look_up(gguf, key, need, &value, err);
    if (status || !value) return status;
    if (value->type != ASSAY_GGUF_BOOL) return wrong_type(value, "a bool", err);
    if (value->array.data[0] > 1) {
        return assay_fail(err, ASSAY_EFORMAT, "key %s is a bool with the value %u", key,
                          value->array.data[0]);
    }
    *out = value->array.data[0] != 0;
    return ASSAY_OK;
}

enum assay_status assay_gguf_get_text(const struct assay_gguf *gguf, const char *key,
                                      enum assay_gguf_need need, struct assay_gguf_text *out,
                                      struct assay_error *err)
{
    const struct assay_gguf_value *value = NULL;
    enum assay_status status = look_up(gguf, key, need, &value, err);
    if (status || !value) return status;
    if (value->type != ASSAY_GGUF_TEXT) return wrong_type(value, "a text", err);
    *out = (struct assay_gguf_text){(const char *)value->array.data, value->array.size};
    return ASSAY_OK;
}

enum assay_status assay_gguf_get_array(const struct assay_gguf *gguf, const char *key,
                                       enum assay_gguf_need need, enum assay_gguf_type element,
                                       struct assay_gguf_array *out, struct assay_error *err)
{
    const struct assay_gguf_value *value = NULL;
    enum assay_status status = look_up(gguf, key, need, &value, err);
    if (status || !value) return status;
    if (value->type != ASSAY_GGUF_ARRAY) return wrong_type(value, "an array", err);
    if (value->array.type != element) {
        return assay_fail(err, ASSAY_EFORMAT, "key %s: an element is %s, not %s", key,
                          type_name(value->array.type), type_name(element));
    }
    *out = value->array;
    return ASSAY_OK;
}

struct assay_gguf_text assay_gguf_array_text(const struct assay_gguf_array *array, size_t *position)
{
    ASSAY_ASSERT(array->type == ASSAY_GGUF_TEXT && *position + 8 <= array->size);
    size_t size = (size_t)assay_get_le64(array->data + *position);
    struct assay_gguf_text text = {(const char *)array->data + *position + 8, size};
    *position += 8 + size;
    return text;
}
