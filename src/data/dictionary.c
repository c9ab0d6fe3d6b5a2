#include "data/dictionary.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES_MIN 4096
#define BLOCK_BYTES_MAX (1u << 20)
#define SLOTS_MIN       64
/* One short of the code of a null. */
#define TEXTS_MAX (UINT32_MAX - 1)

struct trivet_dictionary_block {
    struct trivet_dictionary_block *next; /* the one before */
    size_t used;
    size_t capacity;
    char bytes[];
};

static void free_blocks_down_to(struct trivet_dictionary *dictionary,
                                const struct trivet_dictionary_block *last)
{
    while (dictionary->blocks != last) {
        struct trivet_dictionary_block *next = dictionary->blocks->next;
        trivet_free(dictionary->blocks);
        dictionary->blocks = next;
    }
}

void trivet_dictionary_release(struct trivet_dictionary *dictionary)
{
    free_blocks_down_to(dictionary, NULL);
    trivet_free(dictionary->texts);
    trivet_free(dictionary->hashes);
    trivet_free(dictionary->slots);
    *dictionary = (struct trivet_dictionary){0};
}

void trivet_dictionary_clear(struct trivet_dictionary *dictionary)
{
    /* The newest block is the largest of the usual ones: keep it alone. */
    struct trivet_dictionary_block *newest = dictionary->blocks;
    if (newest != NULL) {
        dictionary->blocks = newest->next;
        free_blocks_down_to(dictionary, NULL);
        newest->next = NULL;
        newest->used = 0;
        dictionary->blocks = newest;
    }
    if (dictionary->n_texts > 0) {
        memset(dictionary->slots, 0, dictionary->n_slots * sizeof(*dictionary->slots));
    }
    dictionary->n_texts = 0;
    dictionary->text_bytes = 0;
}

static void fill_slots(const struct trivet_dictionary *dictionary, uint32_t *slots, size_t n_slots)
{
    memset(slots, 0, n_slots * sizeof(*slots));
    for (uint32_t code = 0; code < dictionary->n_texts; code++) {
        size_t slot = dictionary->hashes[code] & (n_slots - 1);
        while (slots[slot] != 0) {
            slot = (slot + 1) & (n_slots - 1);
        }
        slots[slot] = code + 1;
    }
}

/* Room for one more text at a load of at most one half. */
static bool grow(struct trivet_dictionary *dictionary)
{
    if (dictionary->n_texts == dictionary->capacity) {
        if (dictionary->capacity > TEXTS_MAX / 2) {
            return false;
        }
        uint32_t capacity = dictionary->capacity == 0 ? SLOTS_MIN / 2 : dictionary->capacity * 2;
        char **texts = trivet_realloc_array(dictionary->texts, capacity, sizeof(*texts));
        if (texts == NULL) {
            return false;
        }
        dictionary->texts = texts;
        uint64_t *hashes = trivet_realloc_array(dictionary->hashes, capacity, sizeof(*hashes));
        if (hashes == NULL) {
            return false;
        }
        dictionary->hashes = hashes;
        dictionary->capacity = capacity;
    }
    if (((size_t)dictionary->n_texts + 1) * 2 > dictionary->n_slots) {
        size_t n_slots = dictionary->n_slots == 0 ? SLOTS_MIN : dictionary->n_slots * 2;
        uint32_t *slots = trivet_alloc_array(n_slots, sizeof(*slots));
        if (slots == NULL) {
            return false;
        }
        fill_slots(dictionary, slots, n_slots);
        trivet_free(dictionary->slots);
        dictionary->slots = slots;
        dictionary->n_slots = n_slots;
    }
    return true;
}

static char *store_text(struct trivet_dictionary *dictionary, const char *text, size_t n_bytes)
{
    struct trivet_dictionary_block *block = dictionary->blocks;
    if (block == NULL || block->capacity - block->used < n_bytes + 1) {
        size_t capacity = block == NULL ? BLOCK_BYTES_MIN : block->capacity * 2;
        capacity = capacity > BLOCK_BYTES_MAX ? BLOCK_BYTES_MAX : capacity;
        capacity = capacity < n_bytes + 1 ? n_bytes + 1 : capacity;
        block = trivet_malloc(sizeof(*block) + capacity);
        if (block == NULL) {
            return NULL;
        }
        *block = (struct trivet_dictionary_block){.next = dictionary->blocks, .capacity = capacity};
        dictionary->blocks = block;
    }
    char *copy = block->bytes + block->used;
    memcpy(copy, text, n_bytes);
    copy[n_bytes] = '\0';
    block->used += n_bytes + 1;
    return copy;
}

bool trivet_dictionary_intern(struct trivet_dictionary *dictionary, const char *text,
                              size_t n_bytes, uint32_t *code)
{
    uint64_t hash = trivet_hash_bytes(text, n_bytes);
    if (dictionary->n_texts > 0) {
        size_t mask = dictionary->n_slots - 1;
        for (size_t slot = hash & mask; dictionary->slots[slot] != 0; slot = (slot + 1) & mask) {
            uint32_t found = dictionary->slots[slot] - 1;
            const char *known = dictionary->texts[found];
            if (dictionary->hashes[found] == hash && strncmp(known, text, n_bytes) == 0 &&
                known[n_bytes] == '\0') {
                *code = found;
                return true;
            }
        }
    }
    if (!grow(dictionary)) {
        return false;
    }
    char *copy = store_text(dictionary, text, n_bytes);
    if (copy == NULL) {
        return false;
    }
    size_t mask = dictionary->n_slots - 1;
    size_t slot = hash & mask;
    while (dictionary->slots[slot] != 0) {
        slot = (slot + 1) & mask;
    }
    uint32_t added = dictionary->n_texts++;
    dictionary->slots[slot] = added + 1;
    dictionary->texts[added] = copy;
    dictionary->hashes[added] = hash;
    dictionary->text_bytes += n_bytes + 1;
    *code = added;
    return true;
}

struct trivet_dictionary_mark trivet_dictionary_mark(const struct trivet_dictionary *dictionary)
{
    return (struct trivet_dictionary_mark){
        .n_texts = dictionary->n_texts,
        .text_bytes = dictionary->text_bytes,
        .block = dictionary->blocks,
        .block_used = dictionary->blocks != NULL ? dictionary->blocks->used : 0,
    };
}

void trivet_dictionary_rollback(struct trivet_dictionary *dictionary,
                                struct trivet_dictionary_mark mark)
{
    free_blocks_down_to(dictionary, mark.block);
    if (dictionary->blocks != NULL) {
        dictionary->blocks->used = mark.block_used;
    }
    if (dictionary->n_texts != mark.n_texts) {
        dictionary->n_texts = mark.n_texts;
        fill_slots(dictionary, dictionary->slots, dictionary->n_slots);
    }
    dictionary->text_bytes = mark.text_bytes;
}

struct sort_entry {
    char *text;
    uint32_t code;
};

static int compare_entries(const void *left, const void *right)
{
    const struct sort_entry *a = left;
    const struct sort_entry *b = right;
    return strcmp(a->text, b->text);
}

bool trivet_dictionary_sort(struct trivet_dictionary *dictionary, uint32_t *new_code)
{
    uint32_t count = dictionary->n_texts;
    if (count == 0) {
        return true;
    }
    struct sort_entry *entries = trivet_alloc_array(count, sizeof(*entries));
    if (entries == NULL) {
        return false;
    }
    for (uint32_t code = 0; code < count; code++) {
        entries[code] = (struct sort_entry){.text = dictionary->texts[code], .code = code};
    }
    qsort(entries, count, sizeof(*entries), compare_entries);
    for (uint32_t i = 0; i < count; i++) {
        dictionary->texts[i] = entries[i].text;
        new_code[entries[i].code] = i;
    }
    trivet_free(entries);
    return true;
}
