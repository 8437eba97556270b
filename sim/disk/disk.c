/* The disk: armed faults, crashes, damage, counters. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "actors/base/check.h"
#include "sim/disk/model.h"

/* ---- paths and files -------------------------------------------------------------------------- */

const char *disk_below(const struct disk *self, const char *path)
{
    if (strncmp(path, self->root, self->root_length) != 0)
        return NULL;
    path += self->root_length;
    if (*path != '/' && *path != '\0')
        return NULL;
    while (*path == '/')
        path++;
    return strlen(path) < PATH_BYTES ? path : NULL;
}

void disk_real_path(const struct disk *self, const char *path, char out[REAL_BYTES])
{
    (void)snprintf(out, REAL_BYTES, "%s/%s", self->root, path);
}

bool scope_holds(const char *scope, const char *path)
{
    return strncmp(path, scope, strlen(scope)) == 0;
}

struct file *disk_find(const struct disk *self, const char *path)
{
    for (size_t i = 0; i < self->file_count; i++)
        if (self->files[i]->aside == 0 && strcmp(self->files[i]->path, path) == 0)
            return self->files[i];
    return NULL;
}

struct file *disk_add_file(struct disk *self, const char *path, uint64_t size)
{
    struct file *file = calloc(1, sizeof *file);
    char real[REAL_BYTES];
    CHECK(file != NULL);
    disk_real_path(self, path, real);
    (void)snprintf(file->path, sizeof file->path, "%s", path);
    file->fd = __real_open(real, O_RDWR | O_CLOEXEC);
    CHECK(file->fd >= 0);
    file->size = size;
    file->number = (unsigned)self->file_count;
    self->files = disk_grow_array(self->files, &self->file_capacity, self->file_count, sizeof(struct file *));
    self->files[self->file_count++] = file;
    if (disk_is_path_cut(self, path))
        file_cut(file);
    return file;
}

/* Takes in what lies below the root already. */
static void scan(struct disk *self, const char *below)
{
    char real[REAL_BYTES];
    disk_real_path(self, below, real);
    struct dirent **entries = NULL;
    int count = scandir(real, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[REAL_BYTES];
        struct stat status;
        const char *name = entries[i]->d_name;
        (void)snprintf(path, sizeof path, "%s%s%s", below, *below != '\0' ? "/" : "", name);
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcmp(name, "lock.mdb") != 0 &&
            strlen(path) < PATH_BYTES) {
            disk_real_path(self, path, real);
            if (lstat(real, &status) == 0 && S_ISDIR(status.st_mode))
                scan(self, path);
            else if (S_ISREG(status.st_mode))
                (void)disk_add_file(self, path, (uint64_t)status.st_size);
        }
        free(entries[i]);
    }
    free(entries);
}

struct disk *disk_new(const char *root, uint64_t seed)
{
    struct disk *self = calloc(1, sizeof *self);
    CHECK(self != NULL && strlen(root) < PATH_BYTES - sizeof ".aside");
    self->root_length = (size_t)snprintf(self->root, sizeof self->root, "%s", root);
    while (self->root_length > 1 && self->root[self->root_length - 1] == '/')
        self->root[--self->root_length] = '\0';
    int length = snprintf(self->aside, sizeof self->aside, "%s.aside", self->root);
    CHECK(length > 0 && (size_t)length < sizeof self->aside);
    remove_tree(self->aside);
    CHECK(__real_mkdir(self->aside, 0700) == 0);
    self->random = sim_random_split(seed, "disk");
    scan(self, "");
    return self;
}

void disk_destroy(struct disk **self_p)
{
    struct disk *self = *self_p;
    if (self == NULL)
        return;
    CHECK(disk_current() != self);
    for (size_t i = 0; i < self->file_count; i++) {
        file_release(self->files[i]);
        free(self->files[i]);
    }
    remove_tree(self->aside);
    record_destroy(&self->record);
    free(self->files);
    free(self->names.changes);
    free(self->handles);
    free(self->rules);
    free(self->cut_scopes);
    free(self->gathered);
    free(self);
    *self_p = NULL;
}

uint64_t disk_used_bytes(const struct disk *self)
{
    uint64_t used = 0;
    for (size_t i = 0; i < self->file_count; i++)
        if (self->files[i]->fd >= 0)
            used += (self->files[i]->size + DISK_PAGE - 1) / DISK_PAGE * DISK_PAGE;
    return used;
}

uint64_t disk_free_bytes(const struct disk *self)
{
    if (self->capacity_bytes == 0)
        return UINT64_C(1) << 40;
    uint64_t used = disk_used_bytes(self);
    return used < self->capacity_bytes ? self->capacity_bytes - used : 0;
}

void disk_capacity(struct disk *self, uint64_t bytes)
{
    self->capacity_bytes = bytes;
}

/* ---- counters --------------------------------------------------------------------------------- */

const struct disk_counts *disk_counts(const struct disk *self)
{
    return &self->counts;
}

uint64_t disk_digest(const struct disk *self)
{
    return self->digest;
}

void disk_note_call(struct disk *self, unsigned call, const char *path, uint64_t a, uint64_t b,
                    const void *bytes, uint64_t length)
{
    struct {
        uint64_t before, call, path, a, b, bytes;
    } all = {self->digest, call, XXH3_64bits(path, strlen(path)), a, b, length};
    if (call == DISK_NAME && bytes != NULL)
        all.bytes = XXH3_64bits(bytes, length);
    self->digest = XXH3_64bits(&all, sizeof all);
    switch (call) {
    case DISK_WRITE:
        self->counts.writes++;
        self->counts.bytes_written += length;
        break;
    case DISK_SYNC:
        self->counts.syncs++;
        break;
    case DISK_GROW:
        self->counts.grows++;
        break;
    case DISK_OPEN:
        self->counts.opens++;
        break;
    case DISK_READ:
        self->counts.reads++;
        break;
    default:
        self->counts.names++;
    }
}

/* ---- armed faults ----------------------------------------------------------------------------- */

static void arm(struct disk *self, enum rule_kind kind, const char *scope, const struct disk_fault *fault)
{
    CHECK(strlen(scope) < SCOPE_BYTES);
    self->rules = disk_grow_array(self->rules, &self->rule_capacity, self->rule_count, sizeof *self->rules);
    struct rule *rule = &self->rules[self->rule_count++];
    *rule = (struct rule){.kind = kind, .fault = *fault};
    (void)snprintf(rule->scope, sizeof rule->scope, "%s", scope);
}

static void remove_rule(struct disk *self, size_t i)
{
    self->rule_count--;
    memmove(&self->rules[i], &self->rules[i + 1], (self->rule_count - i) * sizeof *self->rules);
}

static void disarm(struct disk *self, const char *scope, bool cuts, bool others)
{
    for (size_t i = self->rule_count; i > 0; i--) {
        const struct rule *rule = &self->rules[i - 1];
        if (scope_holds(scope, rule->scope) && (rule->kind == RULE_CUT ? cuts : others))
            remove_rule(self, i - 1);
    }
}

void disk_cut_after(struct disk *self, const char *scope, uint64_t nth)
{
    for (size_t i = self->rule_count; i > 0; i--)
        if (self->rules[i - 1].kind == RULE_CUT && strcmp(self->rules[i - 1].scope, scope) == 0)
            remove_rule(self, i - 1);
    if (nth > 0)
        arm(self, RULE_CUT, scope,
            &(struct disk_fault){
                .calls = DISK_WRITE | DISK_SYNC | DISK_GROW | DISK_NAME, .nth = nth, .count = 1});
}

void disk_fail(struct disk *self, const char *scope, const struct disk_fault *fault)
{
    CHECK(fault->nth > 0 && fault->code != 0);
    arm(self, RULE_FAIL, scope, fault);
}

void disk_repair(struct disk *self, const char *scope)
{
    disarm(self, scope, false, true);
}

void disk_lie(struct disk *self, const char *scope, uint64_t count)
{
    arm(self, RULE_LIE, scope, &(struct disk_fault){.calls = DISK_SYNC, .nth = 1, .count = count});
}

static void judge_by(struct disk *self, const struct rule *rule, struct verdict *verdict)
{
    switch (rule->kind) {
    case RULE_CUT:
        if (verdict->cut != CUT_NOT)
            return;
        verdict->cut = (enum cut_moment)(CUT_BEFORE + sim_random_below(&self->random, 3));
        (void)snprintf(verdict->cut_scope, sizeof verdict->cut_scope, "%s", rule->scope);
        return;
    case RULE_FAIL:
        verdict->fails = true;
        verdict->code = rule->fault.code;
        verdict->effect = rule->fault.effect;
        return;
    case RULE_LIE:
        verdict->lies = true;
        return;
    }
}

struct verdict disk_judge(struct disk *self, const char *path, unsigned calls)
{
    struct verdict verdict = {0};
    for (size_t i = 0; i < self->rule_count;) {
        struct rule *rule = &self->rules[i];
        const struct disk_fault *fault = &rule->fault;
        if ((fault->calls & calls) == 0 || !scope_holds(rule->scope, path)) {
            i++;
            continue;
        }
        rule->seen++;
        if (rule->seen >= fault->nth)
            judge_by(self, rule, &verdict);
        if (fault->count != DISK_FOR_GOOD && rule->seen >= fault->nth + fault->count - 1)
            remove_rule(self, i);
        else
            i++;
    }
    if (disk_is_path_cut(self, path))
        verdict.cut = CUT_NOT;
    if (verdict.fails)
        for (unsigned bit = 0; bit < DISK_CALLS; bit++)
            if ((calls & 1U << bit) != 0) {
                self->counts.failed[bit]++;
                break;
            }
    self->counts.lies += verdict.lies && !verdict.fails;
    return verdict;
}

/* ---- crashes ---------------------------------------------------------------------------------- */

bool disk_is_path_cut(const struct disk *self, const char *path)
{
    for (size_t i = 0; i < self->cut_count; i++)
        if (scope_holds(self->cut_scopes[i], path))
            return true;
    return false;
}

bool disk_is_cut(const struct disk *self, const char *scope)
{
    return disk_is_path_cut(self, scope);
}

void disk_cut_now(struct disk *self, const char *scope)
{
    self->cut_scopes =
        disk_grow_array(self->cut_scopes, &self->cut_capacity, self->cut_count, sizeof *self->cut_scopes);
    (void)snprintf(self->cut_scopes[self->cut_count++], SCOPE_BYTES, "%s", scope);
    self->counts.cuts++;
    for (size_t i = 0; i < self->file_count; i++)
        if (scope_holds(scope, self->files[i]->path))
            file_cut(self->files[i]);
}

static void end_cuts(struct disk *self, const char *scope)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->cut_count; i++)
        if (!scope_holds(scope, self->cut_scopes[i]))
            (void)memmove(self->cut_scopes[kept++], self->cut_scopes[i], sizeof *self->cut_scopes);
    self->cut_count = kept;
}

static void lose_power(struct disk *self, struct file *file)
{
    if (file_undurable(file) == 0) {
        file_truncate_log(file, 0);
        return;
    }
    disk_draw_fates(&self->random, file);
    for (size_t i = 0; i < file->change_count; i++) {
        const struct change *change = &file->changes[i];
        self->counts.writes_lost += !change->durable && change->fate == FATE_ABSENT;
        self->counts.writes_torn += !change->durable && change->fate == FATE_TORN;
    }
    file_undo(file, 0);
    file_redo(file);
    file_truncate_log(file, 0);
}

static void crash_file(struct disk *self, struct file *file, enum disk_crash kind)
{
    if (file->cut) {
        file_undo(file, file->cut_count);
        file_truncate_log(file, file->cut_count);
        file->cut = false;
    }
    if (kind == DISK_POWER)
        lose_power(self, file);
    file_forgive(file);
}

void disk_crash(struct disk *self, const char *scope, enum disk_crash kind)
{
    CHECK(self->record == NULL || (kind == DISK_KILLED && self->cut_count == 0));
    record_name(self, RECORD_RESTART, scope, "");
    names_drop_after_cut(self, scope);
    for (size_t i = 0; i < self->file_count; i++)
        if (self->files[i]->fd >= 0 && scope_holds(scope, self->files[i]->path))
            crash_file(self, self->files[i], kind);
    if (kind == DISK_POWER) {
        names_draw_lost(self, &self->random, scope);
        names_settle(self, scope);
    }
    end_cuts(self, scope);
    disarm(self, scope, true, true);
    self->counts.kills += kind == DISK_KILLED;
    self->counts.power_losses += kind == DISK_POWER;
    disk_note_call(self, 0, scope, kind, self->counts.writes_lost, NULL, 0);
}

/* ---- damage ----------------------------------------------------------------------------------- */

static bool is_damageable(const struct file *file, const char *scope)
{
    return file->fd >= 0 && file->aside == 0 && scope_holds(scope, file->path);
}

static bool page_is_written(const struct file *file, uint64_t page, uint8_t out[DISK_PAGE])
{
    static const uint8_t zeros[DISK_PAGE];
    memset(out, 0, DISK_PAGE);
    ssize_t got = __real_pread(file->fd, out, DISK_PAGE, (off_t)(page * DISK_PAGE));
    return got > 0 && memcmp(out, zeros, DISK_PAGE) != 0;
}

/* A page of the scope, each as likely as another; a first pass counts them. */
static struct file *pick_page(struct disk *self, const char *scope, uint64_t *page, uint8_t out[DISK_PAGE])
{
    uint64_t count = 0;
    uint64_t chosen = UINT64_MAX;
    for (int pass = 0; pass < 2; pass++) {
        uint64_t seen = 0;
        for (size_t i = 0; i < self->file_count; i++) {
            struct file *file = self->files[i];
            if (!is_damageable(file, scope))
                continue;
            for (uint64_t at = 0; at * DISK_PAGE < file->size; at++) {
                if (!page_is_written(file, at, out))
                    continue;
                *page = at;
                if (seen++ == chosen)
                    return file;
            }
        }
        count = seen;
        if (count == 0)
            return NULL;
        chosen = sim_random_below(&self->random, count);
    }
    return NULL;
}

static void report(struct disk_damage *out, const struct file *file, uint64_t page, uint32_t bit)
{
    (void)snprintf(out->path, sizeof out->path, "%s", file->path);
    out->page = page;
    out->bit = bit;
}

bool disk_flip(struct disk *self, const char *scope, struct disk_damage *out)
{
    uint8_t bytes[DISK_PAGE];
    uint64_t page = 0;
    struct file *file = pick_page(self, scope, &page, bytes);
    if (file == NULL)
        return false;
    uint64_t length = file->size - page * DISK_PAGE;
    length = length < DISK_PAGE ? length : DISK_PAGE;
    uint32_t bit = (uint32_t)sim_random_below(&self->random, length * 8);
    bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    file_write(file, bytes, length, page * DISK_PAGE, true);
    report(out, file, page, bit);
    self->counts.flips++;
    disk_note_call(self, 0, file->path, page, bit, NULL, 0);
    return true;
}

static bool differs(const struct file *file, const struct past_page *past)
{
    uint8_t now[DISK_PAGE];
    return past->used && (past->page + 1) * DISK_PAGE <= file->size &&
           page_is_written(file, past->page, now) && memcmp(now, past->bytes, DISK_PAGE) != 0;
}

bool disk_stale(struct disk *self, const char *scope, struct disk_damage *out)
{
    struct file *found = NULL;
    const struct past_page *page = NULL;
    uint64_t seen = 0;
    for (size_t i = 0; i < self->file_count; i++) {
        struct file *file = self->files[i];
        for (int j = 0; j < PAST_PAGES && is_damageable(file, scope) && file->past != NULL; j++)
            if (differs(file, &file->past[j]) && sim_random_below(&self->random, ++seen) == 0) {
                found = file;
                page = &file->past[j];
            }
    }
    if (found == NULL)
        return false;
    file_write(found, page->bytes, DISK_PAGE, page->page * DISK_PAGE, true);
    report(out, found, page->page, 0);
    self->counts.stales++;
    disk_note_call(self, 0, found->path, page->page, 0, page->bytes, DISK_PAGE);
    return true;
}

bool disk_lose(struct disk *self, const char *path)
{
    char real[REAL_BYTES];
    disk_real_path(self, path, real);
    if (access(real, F_OK) != 0)
        return false;
    remove_tree(real);
    for (size_t i = 0; i < self->file_count; i++) {
        struct file *file = self->files[i];
        if (file->aside == 0 && name_is_under(file->path, path)) {
            file->aside = ++self->aside_count;
            file_release(file);
        }
    }
    names_forget(self, path);
    self->counts.losses++;
    disk_note_call(self, 0, path, 0, 0, NULL, 0);
    return true;
}
