/* Shuffle by hand, deflate by libdeflate, on a thread of its own. Chunks go around a ring: put at
 * its front, packed in turn, taken at its back. */
#define _GNU_SOURCE /* pthread_sigmask */
#include "store/pack.h"

#include "base/assert.h"

#include <libdeflate.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct chunk {
    uint8_t *plain, *packed; /* bytes_max each */
    size_t bytes, width;
    struct assay_packed result;
};

struct assay_packer {
    struct libdeflate_compressor *deflate;
    uint8_t *shuffled; /* bytes_max */
    size_t bytes_max;
    struct chunk chunks[ASSAY_PACK_CHUNKS]; /* number n in place n mod ASSAY_PACK_CHUNKS */
    uint64_t put, taken;                    /* the caller's */
    pthread_t thread;
    bool threaded;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t offered, packed; /* under the mutex: chunks the thread may pack, and has packed */
    bool ending;              /* under the mutex */
};

static void *pack_all(void *context);

static void start_thread(struct assay_packer *packer)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the caller's */
    packer->threaded = pthread_create(&packer->thread, NULL, pack_all, packer) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

enum assay_status assay_packer_create(struct assay_packer **out, size_t bytes_max,
                                      struct assay_error *err)
{
    struct assay_packer *packer = calloc(1, sizeof *packer);
    bool ok = packer;
    if (ok) {
        ASSAY_ASSERT(pthread_mutex_init(&packer->mutex, NULL) == 0);
        ASSAY_ASSERT(pthread_cond_init(&packer->changed, NULL) == 0);
        packer->bytes_max = bytes_max;
        packer->deflate = libdeflate_alloc_compressor(ASSAY_PACK_LEVEL);
        packer->shuffled = malloc(bytes_max);
        ok = packer->deflate && packer->shuffled;
    }
    for (size_t i = 0; i < ASSAY_PACK_CHUNKS && ok; i++) {
        packer->chunks[i].plain = malloc(bytes_max);
        packer->chunks[i].packed = malloc(bytes_max);
        ok = packer->chunks[i].plain && packer->chunks[i].packed;
    }
    if (!ok) {
        assay_packer_destroy(packer);
        return assay_fail(err, ASSAY_EMEMORY, "no memory to compress %zu bytes", bytes_max);
    }
    start_thread(packer);
    *out = packer;
    return ASSAY_OK;
}

void assay_packer_destroy(struct assay_packer *packer)
{
    if (!packer) return;
    if (packer->threaded) {
        pthread_mutex_lock(&packer->mutex);
        packer->ending = true;
        pthread_cond_broadcast(&packer->changed);
        pthread_mutex_unlock(&packer->mutex);
        pthread_join(packer->thread, NULL);
    }
    pthread_cond_destroy(&packer->changed);
    pthread_mutex_destroy(&packer->mutex);
    for (size_t i = 0; i < ASSAY_PACK_CHUNKS; i++) {
        free(packer->chunks[i].packed);
        free(packer->chunks[i].plain);
    }
    free(packer->shuffled);
    libdeflate_free_compressor(packer->deflate);
    free(packer);
}

/* All first bytes of the elements, then all second ones, … */
static void shuffle(uint8_t *restrict to, const uint8_t *restrict from, size_t count, size_t width)
{
    for (size_t b = 0; b < width; b++) {
        for (size_t i = 0; i < count; i++) to[b * count + i] = from[i * width + b];
    }
}

static void pack(struct assay_packer *packer, struct chunk *chunk)
{
    const uint8_t *from = chunk->plain;
    if (chunk->width > 1) {
        shuffle(packer->shuffled, chunk->plain, chunk->bytes / chunk->width, chunk->width);
        from = packer->shuffled;
    }
    size_t packed = libdeflate_zlib_compress(packer->deflate, from, chunk->bytes, chunk->packed,
                                             chunk->bytes - 1);
    chunk->result = (struct assay_packed){chunk->packed, packed, 0};
    if (packed > 0) return;
    chunk->result = (struct assay_packed){chunk->plain, chunk->bytes,
                                          UINT32_C(1) << ASSAY_PACK_SHUFFLE |
                                              UINT32_C(1) << ASSAY_PACK_DEFLATE};
}

static struct chunk *place_of(struct assay_packer *packer, uint64_t number)
{
    return &packer->chunks[number % ASSAY_PACK_CHUNKS];
}

static void *pack_all(void *context)
{
    struct assay_packer *packer = context;
    pthread_mutex_lock(&packer->mutex);
    for (;;) {
        while (packer->packed == packer->offered && !packer->ending) {
            pthread_cond_wait(&packer->changed, &packer->mutex);
        }
        if (packer->ending) break;
        struct chunk *chunk = place_of(packer, packer->packed);
        pthread_mutex_unlock(&packer->mutex);
        pack(packer, chunk);
        pthread_mutex_lock(&packer->mutex);
        packer->packed++;
        pthread_cond_broadcast(&packer->changed);
    }
    pthread_mutex_unlock(&packer->mutex);
    return NULL;
}

void assay_packer_put(struct assay_packer *packer, const uint8_t *chunk, size_t bytes, size_t width)
{
    ASSAY_ASSERT(packer->put - packer->taken < ASSAY_PACK_CHUNKS);
    ASSAY_ASSERT(bytes <= packer->bytes_max && bytes % width == 0);
    struct chunk *to = place_of(packer, packer->put++);
    memcpy(to->plain, chunk, bytes);
    to->bytes = bytes;
    to->width = width;
    if (!packer->threaded) return;
    pthread_mutex_lock(&packer->mutex);
    packer->offered = packer->put;
    pthread_cond_broadcast(&packer->changed);
    pthread_mutex_unlock(&packer->mutex);
}

struct assay_packed assay_packer_take(struct assay_packer *packer)
{
    ASSAY_ASSERT(packer->taken < packer->put);
    struct chunk *chunk = place_of(packer, packer->taken);
    if (packer->threaded) {
        pthread_mutex_lock(&packer->mutex);
        while (packer->packed <= packer->taken) {
            pthread_cond_wait(&packer->changed, &packer->mutex);
        }
        pthread_mutex_unlock(&packer->mutex);
    } else {
        pack(packer, chunk);
    }
    packer->taken++;
    return chunk->result;
}
