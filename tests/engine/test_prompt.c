/* Which prompt takes over whose beginning, who waits, who is given up. */
#include "harness/check.h"

#include "engine/prompt.h"

#include <stdio.h>

enum { PLACES = 3, CONTEXT = 512, VOCAB = 8 };

static const struct assay_kv_view shape = {1, 1, 4, 0, 0, false};

struct world {
    struct assay_kv_pool *pool;
    struct assay_prompts prompts;
};

static void open_world(struct world *world)
{
    struct assay_error err;
    check_ok(assay_kv_pool_open(&world->pool, &assay_backend_ref, &shape, PLACES, CONTEXT, &err),
             &err);
    check_ok(assay_prompts_init(&world->prompts, PLACES, world->pool, CONTEXT, VOCAB, &err), &err);
}

static void close_world(struct world *world)
{
    assay_prompts_fini(&world->prompts);
    assay_kv_pool_close(world->pool);
}

/* Tokens 0, 1, 2 … up to `same`, then ones that only this `kind` of prompt has. */
static const uint32_t *tokens(uint32_t kind, size_t same)
{
    static uint32_t made[CONTEXT];
    for (uint32_t i = 0; i < CONTEXT; i++) made[i] = i < same ? i : 1000 * kind + i;
    return made;
}

/* What a pass does. */
static void compute(struct assay_prompt *prompt, size_t count)
{
    for (; prompt->planned < count; prompt->planned++) {
        assay_kv_own(&prompt->table, prompt->planned);
    }
    prompt->computed = prompt->planned;
}

static void test_same_prompt_is_shared(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    struct assay_prompt *a = assay_prompts_join(&world.prompts, tokens(1, 0), 100);
    assert_non_null(a);
    assert_ptr_equal(assay_prompts_join(&world.prompts, tokens(1, 0), 100), a);
    assert_int_equal(a->users, 2);
    compute(a, 100);
    assert_true(assay_prompt_ready(a));
    assay_prompts_leave(a);
    assay_prompts_leave(a);
    /* Kept, ready at once for the next profile. */
    assert_ptr_equal(assay_prompts_join(&world.prompts, tokens(1, 0), 100), a);
    assert_true(assay_prompt_ready(a));
    close_world(&world);
}

static void test_beginning_is_taken_over(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    struct assay_prompt *a = assay_prompts_join(&world.prompts, tokens(1, 70), 100);
    compute(a, 100);
    struct assay_prompt *b = assay_prompts_join(&world.prompts, tokens(2, 70), 90);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    assert_int_equal(b->computed, 70);
    assert_ptr_equal(a->table.pages[0], b->table.pages[0]);
    /* A prompt that another one contains computes its last position only, for the logits. */
    struct assay_prompt *c = assay_prompts_join(&world.prompts, tokens(1, 70), 80);
    assert_non_null(c);
    assert_int_equal(c->computed, 79);
    assert_false(assay_prompt_ready(c));
    close_world(&world);
}

static void test_waiting(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    struct assay_prompt *a = assay_prompts_join(&world.prompts, tokens(1, 300), 310);
    compute(a, 64);
    /* 300 in common, 64 computed: wait for the rest. */
    assert_null(assay_prompts_join(&world.prompts, tokens(2, 300), 320));
    /* A short common beginning is no reason to wait. */
    struct assay_prompt *b = assay_prompts_join(&world.prompts, tokens(3, 100), 320);
    assert_non_null(b);
    assert_int_equal(b->computed, 64);
    compute(a, 310);
    struct assay_prompt *c = assay_prompts_join(&world.prompts, tokens(2, 300), 320);
    assert_non_null(c);
    assert_int_equal(c->computed, 300);
    /* All places in use. */
    assert_null(assay_prompts_join(&world.prompts, tokens(4, 0), 10));
    assay_prompts_leave(b);
    assert_ptr_equal(assay_prompts_join(&world.prompts, tokens(4, 0), 10), b);
    assert_int_equal(b->computed, 0);
    close_world(&world);
}

static void test_oldest_is_given_up(void **state)
{
    (void)state;
    struct world world;
    struct assay_prompt *made[PLACES];
    open_world(&world);
    for (uint32_t i = 0; i < PLACES; i++) {
        made[i] = assay_prompts_join(&world.prompts, tokens(i + 1, 0), 50);
        compute(made[i], 50);
        assay_prompts_leave(made[i]);
    }
    assay_prompts_leave(assay_prompts_join(&world.prompts, tokens(1, 0), 50));
    /* The first was joined again, so the second is the oldest; but what is taken over is spared. */
    assert_ptr_equal(assay_prompts_join(&world.prompts, tokens(9, 0), 50), made[1]);
    uint32_t like_third[CONTEXT];
    memcpy(like_third, tokens(3, 0), sizeof like_third);
    like_third[40] = 1;
    struct assay_prompt *d = assay_prompts_join(&world.prompts, like_third, 60);
    assert_ptr_equal(d, made[0]);
    assert_int_equal(d->computed, 40);
    /* Nothing else is left: the prompt is extended where it stands. */
    assert_ptr_equal(assay_prompts_join(&world.prompts, tokens(3, 0), 50), made[2]);
    like_third[30] = 2;
    assay_prompts_leave(d);
    compute(d, 60);
    struct assay_prompt *e = assay_prompts_join(&world.prompts, like_third, 60);
    assert_ptr_equal(e, d);
    assert_int_equal(e->computed, 30);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_prompt_is_shared),
                                       cmocka_unit_test(test_beginning_is_taken_over),
                                       cmocka_unit_test(test_waiting),
                                       cmocka_unit_test(test_oldest_is_given_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
