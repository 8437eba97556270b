/* Testing the pages of an LMDB file.
 *
 * Layout, of LMDB 0.9 on a machine of 64 bits, little-endian:
 *
 *     page    0 number (64)  8 pad (16)  10 flags (16)  12 lower, upper (16 each) or page count (32)
 *     meta    page header, then 16 magic (32)  20 version (32)  24 address  32 map size
 *             40 free table  88 main table  136 last page  144 transaction
 *     table   0 pad or page size (32)  4 flags (16)  6 depth (16)  8 branch pages  16 leaf pages
 *             24 overflow pages  32 entries  40 root
 *     node    0 low (16)  2 high (16)  4 flags (16)  6 key size (16)  8 key, then data
 *
 * A branch node's low, high and flags are its child's page number; a leaf node's low and high are the length
 * of its data, which is a page number where the flag NODE_BIG is set, and a table where NODE_TABLE is. The node offsets
 * follow the page header, up to `lower`; the nodes fill the page from `upper` to its end.
 */
#include "store/lmdb_shape.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PAGE_HEADER = 16,
    PAGE_BRANCH = 0x01,
    PAGE_LEAF = 0x02,
    PAGE_OVERFLOW = 0x04,
    PAGE_META = 0x08,
    META_SIZE = 152,
    META_LAST_PAGE = 136,
    META_COUNT = 2,
    META_TRIES = 16,
    META_VERSION = 1,
    TABLE_INTEGER_KEY = 0x08,
    NODE_HEADER = 8,
    NODE_BIG = 0x01,
    NODE_TABLE = 0x02,
    TABLE_SIZE = 48,
    NAMED_MAX = 8,
    ROW_KEY_MAX = 64,
    KEY_SIZE = 8,
    DEPTH_MAX = 32, /* as deep as a cursor of LMDB goes */
    PAGE_SIZE_MAX = 65536,
};

#define META_MAGIC UINT32_C(0xbeefc0de)
#define NO_PAGE UINT64_MAX

struct table {
    uint16_t flags, depth;
    uint64_t entries, root;
};

struct meta {
    uint32_t page_size;
    struct table free, main;
    uint64_t last_page, txnid;
};

struct shape {
    int file;
    uint64_t last_page;
    uint64_t highest; /* page in use */
    uint32_t page_size;
    uint8_t *used;   /* a bit for each page */
    uint8_t *pages;  /* a page for each level */
    uint64_t from;   /* keys below it need not be looked at */
    bool lists_free; /* in the table of free pages, not in the main one */
    uint64_t entries;
    uint64_t key; /* every key to come is above it */
    /* of tables whose keys are bytes: */
    bool has_rows;
    uint8_t row_key[ROW_KEY_MAX]; /* every key to come is above it; row_key_length 0: at the first */
    size_t row_key_length;
    struct table named[NAMED_MAX];
    size_t named_count;
    const char *what;
};

static uint16_t get16(const uint8_t *bytes)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint32_t get32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint64_t get64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static bool read_at(int file, uint8_t *out, size_t length, uint64_t offset)
{
    ssize_t got;
    do
        got = pread(file, out, length, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)length;
}

/* ---- meta pages ------------------------------------------------------------------------------- */

static struct table read_table(const uint8_t *bytes)
{
    return (struct table){get16(bytes + 4), get16(bytes + 6), get64(bytes + 32), get64(bytes + 40)};
}

static const char *table_fault(const struct table *table, uint64_t last_page)
{
    if (table->root == NO_PAGE)
        return table->depth == 0 && table->entries == 0 ? NULL : "a table without pages is not empty";
    if (table->root < META_COUNT || table->root > last_page || table->depth == 0 || table->depth > DEPTH_MAX)
        return "a table's first page is not in the file";
    return NULL;
}

static enum err parse_meta(const uint8_t *bytes, uint64_t number, struct meta *out, const char **what)
{
    *what = "a meta page is damaged";
    if (get64(bytes) != number || (get16(bytes + 10) & PAGE_META) == 0 || get32(bytes + 16) != META_MAGIC)
        return ERR_CORRUPT;
    if (get32(bytes + 20) != META_VERSION)
        return ERR_VERSION;
    *out = (struct meta){
        .page_size = get32(bytes + 40),
        .free = read_table(bytes + 40),
        .main = read_table(bytes + 88),
        .last_page = get64(bytes + META_LAST_PAGE),
        .txnid = get64(bytes + 144),
    };
    uint32_t size = out->page_size;
    bool sound = size >= 512 && size <= PAGE_SIZE_MAX && (size & (size - 1)) == 0 && out->last_page >= 1 &&
                 out->last_page <= INT64_MAX / PAGE_SIZE_MAX;
    return sound ? ERR_OK : ERR_CORRUPT;
}

static const char *tables_fault(const struct meta *meta)
{
    const char *what = table_fault(&meta->free, meta->last_page);
    return what != NULL ? what : table_fault(&meta->main, meta->last_page);
}

/* The page that LMDB goes by. The other one's tables are never followed, and after a failed write of a meta page
 * they do not match its number: see lmdb_shape_settle. */
static int newer_of(const struct meta metas[META_COUNT])
{
    return metas[1].txnid > metas[0].txnid ? 1 : 0;
}

/* Commit n writes its number into meta page n modulo 2, so the two pages hold neighbours. */
static bool are_neighbours(const struct meta metas[META_COUNT])
{
    uint64_t even = metas[0].txnid;
    uint64_t odd = metas[1].txnid;
    if (even == 0 && odd == 0)
        return true;
    return even % 2 == 0 && odd % 2 == 1 && (even + 1 == odd || odd + 1 == even);
}

/* A journal only grows. Where the page with the higher number holds no more commits than the other, that number is
 * damaged, and LMDB would open the journal without its last commit. */
static bool grows(const struct meta metas[META_COUNT])
{
    const struct meta *newer = &metas[newer_of(metas)], *older = &metas[1 - newer_of(metas)];
    return newer->main.entries > older->main.entries ||
           (newer->main.entries == 0 && older->main.entries == 0);
}

/* Reads both meta pages; they agree in the page size and are of neighbouring transactions. */
static enum err read_both(int file, struct meta out[META_COUNT], const char **what)
{
    uint8_t bytes[META_SIZE];
    *what = "the file is too short";
    if (!read_at(file, bytes, sizeof bytes, 0))
        return ERR_CORRUPT;
    enum err err = parse_meta(bytes, 0, &out[0], what);
    if (err != ERR_OK)
        return err;
    if (!read_at(file, bytes, sizeof bytes, out[0].page_size)) {
        *what = "the file is too short";
        return ERR_CORRUPT;
    }
    err = parse_meta(bytes, 1, &out[1], what);
    if (err == ERR_OK)
        *what = NULL;
    if (err == ERR_OK && out[0].page_size != out[1].page_size)
        *what = "the meta pages differ in the page size";
    else if (err == ERR_OK && !are_neighbours(out))
        *what = "the meta pages are not of neighbouring transactions";
    else
        return err;
    return ERR_CORRUPT;
}

static enum err read_metas_once(int file, bool journal, struct meta out[META_COUNT], const char **what)
{
    enum err err = read_both(file, out, what);
    if (err != ERR_OK)
        return err;
    *what = tables_fault(&out[newer_of(out)]);
    if (*what == NULL && journal)
        *what = tables_fault(&out[1 - newer_of(out)]);
    if (*what == NULL && journal && !grows(out))
        *what = "the newer meta page holds fewer commits than the older one";
    return *what == NULL ? ERR_OK : ERR_CORRUPT;
}

/* A writer may be half way through one of the pages, so a fault has to be there again. */
static enum err read_metas(int file, bool journal, struct meta out[META_COUNT], const char **what)
{
    enum err err = ERR_CORRUPT;
    for (int i = 0; i < META_TRIES && err == ERR_CORRUPT; i++)
        err = read_metas_once(file, journal, out, what);
    return err;
}

/* ---- the tree --------------------------------------------------------------------------------- */

static bool fault(struct shape *shape, const char *what)
{
    shape->what = what;
    return false;
}

/* Marks pages as used by the tree. false: outside the file, or used already. */
static bool take_pages(struct shape *shape, uint64_t first, uint64_t count)
{
    if (first < META_COUNT || first > shape->last_page || count == 0 || count > shape->last_page - first + 1)
        return fault(shape, "a page number points outside the file");
    for (uint64_t page = first; page < first + count; page++) {
        uint8_t bit = (uint8_t)(1 << (page & 7));
        if ((shape->used[page >> 3] & bit) != 0)
            return fault(shape, "a page is used twice");
        shape->used[page >> 3] |= bit;
    }
    if (first + count - 1 > shape->highest)
        shape->highest = first + count - 1;
    return true;
}

static bool check_large_value(struct shape *shape, uint64_t page, uint32_t size)
{
    uint8_t header[PAGE_HEADER];
    uint64_t needed = (PAGE_HEADER - 1 + (uint64_t)size) / shape->page_size + 1;
    if (page > shape->last_page || !read_at(shape->file, header, sizeof header, page * shape->page_size))
        return fault(shape, "a page cannot be read");
    uint64_t count = get32(header + 12);
    if (!take_pages(shape, page, count))
        return false;
    /* A value that was put twice in one transaction keeps the pages of the first. */
    bool fits = count == needed || (shape->has_rows && count > needed);
    if (get64(header) != page || get16(header + 10) != PAGE_OVERFLOW || !fits)
        return fault(shape, "the first page of a commit is damaged");
    return true;
}

/* The pages a value of the free table lists: a count, then page numbers. None is in use. */
static bool check_free_list(struct shape *shape, const uint8_t *bytes, size_t size)
{
    if (size < sizeof(uint64_t) || size % sizeof(uint64_t) != 0 ||
        get64(bytes) != size / sizeof(uint64_t) - 1)
        return fault(shape, "the list of free pages is damaged");
    for (size_t at = sizeof(uint64_t); at < size; at += sizeof(uint64_t)) {
        if (!take_pages(shape, get64(bytes + at), 1))
            return false;
    }
    return true;
}

static bool check_large_free_list(struct shape *shape, uint64_t page, uint32_t size)
{
    uint8_t *bytes = malloc(size);
    bool fine = bytes != NULL && read_at(shape->file, bytes, size, page * shape->page_size + PAGE_HEADER) &&
                check_free_list(shape, bytes, size);
    free(bytes);
    if (!fine && shape->what == NULL)
        shape->what = "the list of free pages cannot be read";
    return fine;
}

static bool check_value(struct shape *shape, const uint8_t *value, uint32_t size, bool large)
{
    if (large && !check_large_value(shape, get64(value), size))
        return false;
    if (!shape->lists_free)
        return true;
    if (large)
        return check_large_free_list(shape, get64(value), size);
    return check_free_list(shape, value, size);
}

/* Keys rise through the whole tree, left to right. */
static bool check_leaf_node(struct shape *shape, const uint8_t *node, size_t room)
{
    uint32_t size = get16(node) | (uint32_t)get16(node + 2) << 16;
    uint16_t flags = get16(node + 4);
    if (get16(node + 6) != KEY_SIZE || (flags & ~NODE_BIG) != 0)
        return fault(shape, "a node of the tree is damaged");
    uint64_t here = (flags & NODE_BIG) != 0 ? sizeof(uint64_t) : size;
    if (NODE_HEADER + KEY_SIZE + here > room)
        return fault(shape, "a node of the tree passes the end of its page");
    uint64_t key = get64(node + NODE_HEADER);
    if (key <= shape->key)
        return fault(shape, "the keys of the tree are out of order");
    if (!check_value(shape, node + NODE_HEADER + KEY_SIZE, size, (flags & NODE_BIG) != 0))
        return false;
    shape->key = key;
    shape->entries++;
    return true;
}

static bool load_page(struct shape *shape, uint64_t number, uint16_t flags, uint8_t *page)
{
    if (!take_pages(shape, number, 1))
        return false;
    if (!read_at(shape->file, page, shape->page_size, number * shape->page_size))
        return fault(shape, "a page cannot be read");
    uint16_t lower = get16(page + 12);
    uint16_t upper = get16(page + 14);
    if (get64(page) != number || get16(page + 10) != flags || lower < PAGE_HEADER || lower > upper ||
        upper > shape->page_size || lower % 2 != 0 || lower == PAGE_HEADER)
        return fault(shape, "the header of a tree page is damaged");
    return true;
}

/* The node at an index, or NULL; *room: bytes to the end of the page. */
static const uint8_t *node_at(struct shape *shape, const uint8_t *page, size_t index, size_t *room)
{
    uint16_t offset = get16(page + PAGE_HEADER + 2 * index);
    if (offset < get16(page + 14) || offset % 2 != 0 || (size_t)offset + NODE_HEADER > shape->page_size) {
        (void)fault(shape, "a node of the tree is outside its page");
        return NULL;
    }
    *room = shape->page_size - offset;
    return page + offset;
}

/* Bytes that a node takes in its page; data above its room is found by the caller. */
static size_t node_size(const uint8_t *node, bool leaf)
{
    size_t size = NODE_HEADER + (size_t)get16(node + 6);
    if (leaf && (get16(node + 4) & NODE_BIG) != 0)
        size += sizeof(uint64_t);
    else if (leaf)
        size += get16(node) | (size_t)get16(node + 2) << 16;
    return size + size % 2;
}

/* The nodes of a page lie side by side: none over another, no room lost. LMDB moves them by that when it writes. */
static bool check_packed(struct shape *shape, const uint8_t *page, size_t count, bool leaf)
{
    uint8_t taken[PAGE_SIZE_MAX / 2 / 8] = {0};
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        size_t room;
        const uint8_t *node = node_at(shape, page, i, &room);
        if (node == NULL)
            return false;
        size_t size = node_size(node, leaf), first = (size_t)(node - page) / 2;
        if (size > room)
            return fault(shape, "a node of the tree passes its page");
        for (size_t at = first; at < first + size / 2; at++) {
            if (taken[at / 8] >> (at % 8) & 1)
                return fault(shape, "two nodes of the tree lie over each other");
            taken[at / 8] |= (uint8_t)(1 << (at % 8));
        }
        sum += size;
    }
    return sum == shape->page_size - get16(page + 14) || fault(shape, "a page of the tree has a gap");
}

static bool check_page(struct shape *shape, uint64_t number, uint16_t level);

/* The keys under a branch node are at or above its own key; the first node's key is not used. */
static bool check_branch_key(struct shape *shape, const uint8_t *node, size_t room)
{
    if (get16(node + 6) != KEY_SIZE || NODE_HEADER + KEY_SIZE > room ||
        get64(node + NODE_HEADER) <= shape->key)
        return fault(shape, "a branch key of the tree is damaged");
    shape->key = get64(node + NODE_HEADER) - 1;
    return true;
}

/* Whether every key under the node before this one is below `from`. */
static bool begins_by_from(const struct shape *shape, const uint8_t *node, size_t room)
{
    return room >= NODE_HEADER + KEY_SIZE && get64(node + NODE_HEADER) <= shape->from;
}

static bool check_branch(struct shape *shape, const uint8_t *page, size_t count, uint16_t level)
{
    for (size_t i = 0; i < count; i++) {
        size_t room, next_room;
        const uint8_t *node = node_at(shape, page, i, &room);
        if (node == NULL || (i > 0 && !check_branch_key(shape, node, room)))
            return false;
        if (i + 1 < count) {
            const uint8_t *next = node_at(shape, page, i + 1, &next_room);
            if (next == NULL)
                return false;
            if (begins_by_from(shape, next, next_room))
                continue;
        }
        uint64_t child = get16(node) | (uint64_t)get16(node + 2) << 16 | (uint64_t)get16(node + 4) << 32;
        if (!check_page(shape, child, (uint16_t)(level - 1)))
            return false;
    }
    return true;
}

static bool check_leaf(struct shape *shape, const uint8_t *page, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t room;
        const uint8_t *node = node_at(shape, page, i, &room);
        if (node == NULL || !check_leaf_node(shape, node, room))
            return false;
    }
    return true;
}

/* Recursion is bounded by the tree's depth, at most DEPTH_MAX. */
static bool check_page(struct shape *shape, uint64_t number, uint16_t level)
{
    bool leaf = level == 1;
    uint8_t *page = shape->pages + (size_t)(level - 1) * shape->page_size;
    if (!load_page(shape, number, leaf ? PAGE_LEAF : PAGE_BRANCH, page))
        return false;
    size_t count = (size_t)(get16(page + 12) - PAGE_HEADER) / 2;
    if (shape->has_rows && !check_packed(shape, page, count, leaf))
        return false;
    return leaf ? check_leaf(shape, page, count) : check_branch(shape, page, count, level);
}

static bool check_table(struct shape *shape, const struct table *table, bool lists_free, uint64_t from)
{
    shape->lists_free = lists_free;
    shape->from = from;
    shape->entries = 0;
    shape->key = 0;
    if (table->root == NO_PAGE)
        return true;
    if ((table->flags & TABLE_INTEGER_KEY) == 0)
        return fault(shape, "the table's kind is not a journal's");
    if (!check_page(shape, table->root, table->depth))
        return false;
    return from > 0 || shape->entries == table->entries ||
           fault(shape, "the tree does not hold as many commits as it says");
}

/* ---- tables whose keys are bytes ---------------------------------------------------------------- */

/* Keys rise; the first node of a branch page may have any, it is not used. */
static bool check_row_key(struct shape *shape, const uint8_t *node, bool is_same_fine)
{
    size_t length = get16(node + 6);
    size_t common = length < shape->row_key_length ? length : shape->row_key_length;
    if (length == 0 || length > ROW_KEY_MAX)
        return fault(shape, "a key of the tree is damaged");
    int order = memcmp(node + NODE_HEADER, shape->row_key, common);
    bool is_above = order > 0 || (order == 0 && length > shape->row_key_length);
    bool is_same = order == 0 && length == shape->row_key_length;
    if (!is_above && !(is_same && is_same_fine))
        return fault(shape, "the keys of the tree are not in order");
    memcpy(shape->row_key, node + NODE_HEADER, length);
    shape->row_key_length = length;
    return true;
}

static bool note_table(struct shape *shape, const uint8_t *bytes, uint32_t size)
{
    struct table table = size == TABLE_SIZE ? read_table(bytes) : (struct table){0};
    if (size != TABLE_SIZE || shape->named_count == NAMED_MAX || table.flags != 0 ||
        table_fault(&table, shape->last_page) != NULL)
        return fault(shape, "a named table is damaged");
    shape->named[shape->named_count++] = table;
    return true;
}

static bool check_row(struct shape *shape, const uint8_t *node, bool names_tables)
{
    uint32_t size = get16(node) | (uint32_t)get16(node + 2) << 16;
    uint16_t flags = get16(node + 4);
    const uint8_t *value = node + NODE_HEADER + get16(node + 6);
    if (flags != 0 && flags != (names_tables ? NODE_TABLE : NODE_BIG))
        return fault(shape, "a node of the tree is damaged");
    shape->entries++;
    if (flags == NODE_TABLE)
        return note_table(shape, value, size);
    return flags == 0 || check_large_value(shape, get64(value), size);
}

/* Recursion is bounded by the tree's depth, at most DEPTH_MAX. */
static bool check_row_page(struct shape *shape, uint64_t number, uint16_t level, bool names_tables)
{
    bool leaf = level == 1;
    uint8_t *page = shape->pages + (size_t)(level - 1) * shape->page_size;
    if (!load_page(shape, number, leaf ? PAGE_LEAF : PAGE_BRANCH, page))
        return false;
    size_t count = (size_t)(get16(page + 12) - PAGE_HEADER) / 2;
    if (!check_packed(shape, page, count, leaf))
        return false;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *node = page + get16(page + PAGE_HEADER + 2 * i);
        uint64_t child = get16(node) | (uint64_t)get16(node + 2) << 16 | (uint64_t)get16(node + 4) << 32;
        bool is_key = leaf || i > 0;
        /* A leaf may begin with the very key that its branch node has. */
        if (is_key && !check_row_key(shape, node, leaf && i == 0))
            return false;
        if (leaf ? !check_row(shape, node, names_tables)
                 : !check_row_page(shape, child, (uint16_t)(level - 1), names_tables))
            return false;
    }
    return true;
}

static bool check_rows(struct shape *shape, const struct table *table, bool names_tables)
{
    shape->entries = 0;
    shape->row_key_length = 0;
    if (table->root == NO_PAGE)
        return true;
    return table->flags != 0 ? fault(shape, "the table's kind is not a state store's")
                             : check_row_page(shape, table->root, table->depth, names_tables) &&
                                   (shape->entries == table->entries ||
                                    fault(shape, "a tree does not hold as many rows as it says"));
}

static bool check_named(struct shape *shape, const struct meta *meta)
{
    if (!check_table(shape, &meta->free, true, 0) || !check_rows(shape, &meta->main, true))
        return false;
    for (size_t i = 0; i < shape->named_count; i++) {
        if (!check_rows(shape, &shape->named[i], false))
            return false;
    }
    return true;
}

static bool check_all(struct shape *shape, const struct meta *meta, uint64_t from)
{
    if (shape->has_rows)
        return check_named(shape, meta);
    return check_table(shape, &meta->free, true, 0) && check_table(shape, &meta->main, false, from);
}

/* Tests all trees of a meta page; of a journal's main one, from `from` on. */
static enum err check_trees_of(struct shape *shape, const struct meta *meta, uint64_t from)
{
    enum err err = ERR_OK;
    shape->last_page = meta->last_page;
    shape->page_size = meta->page_size;
    shape->used = calloc(1, meta->last_page / 8 + 1);
    shape->pages = malloc((size_t)meta->page_size * DEPTH_MAX);
    if (shape->used == NULL || shape->pages == NULL)
        err = ERR_NO_MEMORY;
    else if (!check_all(shape, meta, from))
        err = ERR_CORRUPT;
    free(shape->used);
    free(shape->pages);
    return err;
}

static enum err check_trees(int file, bool journal, uint64_t txnid, uint64_t from, uint64_t *key,
                            const char **what)
{
    struct meta metas[META_COUNT];
    enum err err = read_metas(file, journal, metas, what);
    *key = 0;
    if (err != ERR_OK)
        return err;
    const struct meta *meta = metas[0].txnid == txnid ? &metas[0] : &metas[1];
    if (meta->txnid != txnid)
        return ERR_TIMEOUT;
    struct shape shape = {.file = file, .has_rows = !journal};
    err = check_trees_of(&shape, meta, from);
    *key = shape.lists_free ? 0 : shape.key;
    *what = shape.what;
    return err;
}

enum err lmdb_shape_check_tree(int file, uint64_t txnid, uint64_t from, uint64_t *key, const char **what)
{
    return check_trees(file, true, txnid, from, key, what);
}

enum err lmdb_shape_check_named(int file, uint64_t txnid, const char **what)
{
    uint64_t key;
    return check_trees(file, false, txnid, 0, &key, what);
}

/* ---- the file's length ------------------------------------------------------------------------ */

/* LMDB does not write a page that was taken and given back in one transaction, so the file may end before its last
 * pages, when all of those are free: they are never read. */
static enum err check_end(int file, const struct meta *meta, uint64_t page_count, const char **what)
{
    struct shape shape = {.file = file, .last_page = meta->last_page, .page_size = meta->page_size};
    *what = "the file is shorter than its pages: its end is missing";
    /* The list of free pages itself takes room in the file. */
    if (meta->last_page - page_count >= page_count * meta->page_size / sizeof(uint64_t))
        return ERR_CORRUPT;
    shape.used = calloc(1, meta->last_page / 8 + 1);
    shape.pages = malloc((size_t)meta->page_size * DEPTH_MAX);
    enum err err = shape.used != NULL && shape.pages != NULL ? ERR_OK : ERR_NO_MEMORY;
    if (err == ERR_OK && !check_table(&shape, &meta->free, true, 0))
        err = ERR_CORRUPT;
    for (uint64_t page = page_count; page <= meta->last_page && err == ERR_OK; page++)
        if ((shape.used[page >> 3] >> (page & 7) & 1) == 0)
            err = ERR_CORRUPT;
    free(shape.used);
    free(shape.pages);
    return err;
}

enum err lmdb_shape_check_meta(int file, const char **what)
{
    struct meta metas[META_COUNT];
    struct stat status;
    enum err err = read_metas(file, false, metas, what);
    if (err != ERR_OK)
        return err;
    if (fstat(file, &status) != 0)
        return ERR_IO;
    const struct meta *last = &metas[newer_of(metas)];
    uint64_t page_count = (uint64_t)status.st_size / last->page_size;
    return page_count > last->last_page ? ERR_OK : check_end(file, last, page_count, what);
}

/* ---- a meta page that could not be written ---------------------------------------------------- */

/* Gives a meta page another number and last page: 16 bytes in one sector. */
static enum err renumber(int file, const struct meta *meta, int number, uint64_t last_page, uint64_t txnid)
{
    uint64_t words[2] = {last_page, txnid};
    off_t offset = (off_t)meta->page_size * number + META_LAST_PAGE;
    ssize_t written;
    do
        written = pwrite(file, words, sizeof words, offset);
    while (written < 0 && errno == EINTR);
    if (written != (ssize_t)sizeof words)
        return ERR_IO;
    return fdatasync(file) == 0 ? ERR_OK : ERR_IO;
}

enum err lmdb_shape_settle(int file)
{
    struct meta metas[META_COUNT];
    struct stat status;
    const char *what = NULL;
    if (fstat(file, &status) != 0)
        return ERR_IO;
    if (read_both(file, metas, &what) != ERR_OK)
        return ERR_OK;
    const struct meta *newer = &metas[newer_of(metas)];
    int number = 1 - newer_of(metas);
    struct meta failed = metas[number];
    if (failed.main.entries <= newer->main.entries || (uint64_t)status.st_size < failed.page_size)
        return ERR_OK;
    failed.last_page = (uint64_t)status.st_size / failed.page_size - 1;
    struct shape shape = {.file = file};
    if (tables_fault(&failed) != NULL)
        return ERR_OK;
    enum err err = check_trees_of(&shape, &failed, 0);
    if (err != ERR_OK)
        return err == ERR_CORRUPT ? ERR_OK : err;
    uint64_t last_page = shape.highest > newer->last_page ? shape.highest : newer->last_page;
    if (metas[number].last_page > last_page)
        last_page = metas[number].last_page;
    return renumber(file, &failed, number, last_page, newer->txnid + 1);
}
