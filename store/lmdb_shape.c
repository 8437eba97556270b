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
 * of its data, which is a page number where the flag NODE_BIG is set. The node offsets follow the page
 * header, up to `lower`.
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
    META_COUNT = 2,
    META_TRIES = 16,
    META_VERSION = 1,
    TABLE_INTEGER_KEY = 0x08,
    NODE_HEADER = 8,
    NODE_BIG = 0x01,
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
    uint32_t page_size;
    uint8_t *used;   /* a bit for each page */
    uint8_t *pages;  /* a page for each level */
    uint64_t from;   /* keys below it need not be looked at */
    bool lists_free; /* in the table of free pages, not in the main one */
    uint64_t entries;
    uint64_t key; /* every key to come is above it */
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
        .last_page = get64(bytes + 136),
        .txnid = get64(bytes + 144),
    };
    uint32_t size = out->page_size;
    if (size < 512 || size > PAGE_SIZE_MAX || (size & (size - 1)) != 0 || out->last_page < 1 ||
        out->last_page > INT64_MAX / PAGE_SIZE_MAX)
        return ERR_CORRUPT;
    *what = table_fault(&out->free, out->last_page);
    if (*what == NULL)
        *what = table_fault(&out->main, out->last_page);
    return *what == NULL ? ERR_OK : ERR_CORRUPT;
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
    const struct meta *newer = &metas[metas[1].txnid > metas[0].txnid ? 1 : 0];
    const struct meta *older = newer == &metas[0] ? &metas[1] : &metas[0];
    return newer->main.entries > older->main.entries ||
           (newer->main.entries == 0 && older->main.entries == 0);
}

/* Reads both meta pages; they agree in the page size. */
static enum err read_metas_once(int file, bool journal, struct meta out[META_COUNT], const char **what)
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
    if (err == ERR_OK && out[0].page_size != out[1].page_size)
        *what = "the meta pages differ in the page size";
    else if (err == ERR_OK && !are_neighbours(out))
        *what = "the meta pages are not of neighbouring transactions";
    else if (err == ERR_OK && journal && !grows(out))
        *what = "the newer meta page holds fewer commits than the older one";
    else
        return err;
    return ERR_CORRUPT;
}

/* A writer may be half way through one of the pages, so a fault has to be there again. */
static enum err read_metas(int file, bool journal, struct meta out[META_COUNT], const char **what)
{
    enum err err = ERR_CORRUPT;
    for (int i = 0; i < META_TRIES && err == ERR_CORRUPT; i++)
        err = read_metas_once(file, journal, out, what);
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
    const struct meta *last = &metas[metas[1].txnid > metas[0].txnid ? 1 : 0];
    if ((uint64_t)status.st_size < (last->last_page + 1) * last->page_size) {
        *what = "the file is shorter than its pages: its end is missing";
        return ERR_CORRUPT;
    }
    return ERR_OK;
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
    return true;
}

static bool check_large_value(struct shape *shape, uint64_t page, uint32_t size)
{
    uint8_t header[PAGE_HEADER];
    uint64_t count = (PAGE_HEADER - 1 + (uint64_t)size) / shape->page_size + 1;
    if (!take_pages(shape, page, count))
        return false;
    if (!read_at(shape->file, header, sizeof header, page * shape->page_size))
        return fault(shape, "a page cannot be read");
    if (get64(header) != page || get16(header + 10) != PAGE_OVERFLOW || get32(header + 12) != count)
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

enum err lmdb_shape_check_tree(int file, uint64_t txnid, uint64_t from, uint64_t *key, const char **what)
{
    struct meta metas[META_COUNT];
    enum err err = read_metas(file, true, metas, what);
    *key = 0;
    if (err != ERR_OK)
        return err;
    const struct meta *meta = metas[0].txnid == txnid ? &metas[0] : &metas[1];
    if (meta->txnid != txnid)
        return ERR_TIMEOUT;
    struct shape shape = {
        .file = file,
        .last_page = meta->last_page,
        .page_size = meta->page_size,
        .used = calloc(1, meta->last_page / 8 + 1),
        .pages = malloc((size_t)meta->page_size * DEPTH_MAX),
    };
    if (shape.used == NULL || shape.pages == NULL)
        err = ERR_NO_MEMORY;
    else if (!check_table(&shape, &meta->free, true, 0) || !check_table(&shape, &meta->main, false, from))
        err = ERR_CORRUPT;
    free(shape.used);
    free(shape.pages);
    *key = shape.lists_free ? 0 : shape.key;
    *what = shape.what;
    return err;
}
