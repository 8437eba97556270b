#include "broker/command/import_source.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/command/csv.h"

enum { DIGEST_BYTES = 32, NUMBER_TEXT = 24 };

struct import_source {
    enum import_format format;
    const char *bytes;
    size_t length;
    uint8_t digest[DIGEST_BYTES];
    struct csv csv;
    enum import_column columns[CSV_FIELDS_MAX]; /* of CSV fields by position; COLUMN_COUNT: passed over */
    size_t column_count;
    size_t at; /* JSON lines */
    uint64_t line;
    json_t *object; /* of the current line: values borrow from it */
    char numbers[COLUMN_COUNT][NUMBER_TEXT];
};

static const char *const column_names[COLUMN_COUNT] = {
    [COLUMN_OP] = "op",
    [COLUMN_TRANSACTION_ID] = "transaction_id",
    [COLUMN_ACCOUNT] = "account",
    [COLUMN_FROM_ACCOUNT] = "from_account",
    [COLUMN_TO_ACCOUNT] = "to_account",
    [COLUMN_OWNER] = "owner",
    [COLUMN_CURRENCY] = "currency",
    [COLUMN_AMOUNT] = "amount",
    [COLUMN_MINIMUM_BALANCE] = "minimum_balance",
    [COLUMN_CEILING] = "ceiling",
    [COLUMN_PRODUCT] = "product",
    [COLUMN_MEMO] = "memo",
    [COLUMN_REFERENCE] = "reference",
    [COLUMN_RATE] = "rate",
    [COLUMN_FX] = "fx",
    [COLUMN_EXPIRES] = "expires",
    [COLUMN_GROUP] = "group",
};

static enum import_column column_find(struct str name)
{
    for (enum import_column column = 0; column < COLUMN_COUNT; column++) {
        if (str_equal(name, str_from(column_names[column])))
            return column;
    }
    return COLUMN_COUNT;
}

static struct str trim(struct str text)
{
    while (text.length > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.length--;
    }
    while (text.length > 0 && (text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t'))
        text.length--;
    return text;
}

/* ---- opening ---------------------------------------------------------------------------------- */

static const char *map_file(struct import_source *self, const char *path)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    const char *why = NULL;
    if (file < 0)
        return strerror(errno);
    if (fstat(file, &status) != 0)
        why = strerror(errno);
    else if (!S_ISREG(status.st_mode))
        why = "it is not a regular file";
    else if (status.st_size == 0)
        why = "it is empty";
    if (why == NULL) {
        self->length = (size_t)status.st_size;
        void *bytes = mmap(NULL, self->length, PROT_READ, MAP_PRIVATE, file, 0);
        if (bytes == MAP_FAILED)
            why = strerror(errno);
        else
            self->bytes = bytes;
    }
    close(file);
    return why;
}

static bool read_columns(struct import_source *self, const char **why)
{
    uint64_t seen = 0;
    if (csv_next(&self->csv, why) == CSV_MALFORMED)
        return false;
    self->column_count = self->csv.field_count;
    for (size_t i = 0; i < self->column_count; i++) {
        self->columns[i] = column_find(trim(self->csv.fields[i]));
        if (self->columns[i] != COLUMN_COUNT && (seen & UINT64_C(1) << self->columns[i])) {
            *why = "a column comes twice";
            return false;
        }
        seen |= UINT64_C(1) << self->columns[i];
    }
    *why = "its first line names no column 'op'";
    return (seen & UINT64_C(1) << COLUMN_OP) != 0;
}

static bool source_init(struct import_source *self, const char *path, const char **why)
{
    *why = map_file(self, path);
    if (*why != NULL)
        return false;
    *why = "its digest cannot be computed";
    if (EVP_Digest(self->bytes, self->length, self->digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    csv_init(&self->csv, self->bytes, self->length);
    self->at = self->csv.at; /* behind a byte order mark */
    self->line = 1;
    return self->format == IMPORT_JSONL || read_columns(self, why);
}

struct import_source *import_source_open(const char *path, enum import_format format, const char **why)
{
    struct import_source *self = calloc(1, sizeof *self);
    *why = "no memory";
    if (self == NULL)
        return NULL;
    self->format = format;
    if (!source_init(self, path, why))
        import_source_close(&self);
    return self;
}

void import_source_close(struct import_source **self_p)
{
    struct import_source *self = *self_p;
    if (self == NULL)
        return;
    *self_p = NULL;
    json_decref(self->object);
    if (self->bytes != NULL)
        munmap((void *)(uintptr_t)self->bytes, self->length);
    free(self);
}

const uint8_t *import_source_digest(const struct import_source *self)
{
    return self->digest;
}

size_t import_source_length(const struct import_source *self)
{
    return self->length;
}

const char *import_source_bytes(const struct import_source *self)
{
    return self->bytes;
}

/* ---- places ----------------------------------------------------------------------------------- */

bool import_source_seek(struct import_source *self, size_t offset, uint64_t line)
{
    size_t first;
    uint64_t first_line;
    import_source_tell(self, &first, &first_line);
    if (offset < first || offset > self->length || line < first_line)
        return false;
    self->at = self->csv.at = offset;
    self->line = self->csv.line = line;
    return true;
}

void import_source_tell(const struct import_source *self, size_t *offset, uint64_t *line)
{
    bool is_csv = self->format == IMPORT_CSV;
    *offset = is_csv ? self->csv.at : self->at;
    *line = is_csv ? self->csv.line : self->line;
}

/* ---- CSV -------------------------------------------------------------------------------------- */

/* Spaces around a value are nobody's, unless it is text and stood in quotes: an export quotes what has spaces. */
static struct str csv_value(const struct csv *csv, size_t i, enum import_column column)
{
    bool is_text = column == COLUMN_OWNER || column == COLUMN_MEMO || column == COLUMN_REFERENCE;
    bool is_quoted = csv->quoted >> i & 1;
    return is_text && is_quoted ? csv->fields[i] : trim(csv->fields[i]);
}

static bool next_csv(struct import_source *self, struct import_record *out)
{
    struct csv *csv = &self->csv;
    out->start = csv->at;
    enum csv_result result = csv_next(csv, &out->malformed);
    out->line = csv->record_line;
    out->end = csv->at;
    if (result == CSV_END)
        return false;
    if (result == CSV_MALFORMED)
        return true;
    if (csv->field_count != self->column_count)
        out->malformed =
            csv->field_count < self->column_count ? "fewer fields than columns" : "more fields than columns";
    for (size_t i = 0; i < csv->field_count && out->malformed == NULL; i++) {
        if (self->columns[i] == COLUMN_COUNT)
            continue;
        out->values[self->columns[i]] = csv_value(csv, i, self->columns[i]);
        out->given |= 1u << self->columns[i];
    }
    return true;
}

/* ---- JSON lines ------------------------------------------------------------------------------- */

static const char *set_value(struct import_source *self, enum import_column column, json_t *value,
                             struct import_record *out)
{
    out->given |= 1u << column;
    if (json_is_null(value))
        return NULL;
    if (json_is_string(value)) {
        if (json_string_length(value) > CSV_RECORD_MAX)
            return "a value is too long";
        out->values[column] = (struct str){json_string_value(value), (uint32_t)json_string_length(value)};
        return NULL;
    }
    if (json_is_boolean(value)) {
        out->values[column] = str_from(json_is_true(value) ? "true" : "false");
        return NULL;
    }
    if (!json_is_integer(value))
        return "a value is neither a string, an integer nor a boolean; write amounts with decimals as "
               "strings";
    snprintf(self->numbers[column], NUMBER_TEXT, "%lld", (long long)json_integer_value(value));
    out->values[column] = str_from(self->numbers[column]);
    return NULL;
}

/* NULL, or what is wrong. */
static const char *set_values(struct import_source *self, json_t *object, struct import_record *out)
{
    const char *key;
    json_t *value;
    const char *why = NULL;
    if (!json_is_object(object))
        return "it is not a JSON object";
    json_object_foreach(object, key, value)
    {
        enum import_column column = column_find(str_from(key));
        if (column != COLUMN_COUNT && why == NULL)
            why = set_value(self, column, value, out);
    }
    out->item_count = json_array_size(json_object_get(object, "items"));
    return why;
}

void import_source_item(struct import_source *self, size_t number, struct import_record *out)
{
    out->malformed = set_values(self, json_array_get(json_object_get(self->object, "items"), number), out);
}

static bool is_blank(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (strchr(" \t\r\n", bytes[i]) == NULL || bytes[i] == '\0')
            return false;
    }
    return true;
}

/* Passes one line, and tells its bytes without the line end. */
static void pass_line(struct import_source *self, struct import_record *out)
{
    const char *end = memchr(self->bytes + self->at, '\n', self->length - self->at);
    out->start = self->at;
    out->line = self->line++;
    self->at = end == NULL ? self->length : (size_t)(end - self->bytes) + 1;
    out->end = self->at;
}

static bool next_jsonl(struct import_source *self, struct import_record *out)
{
    json_error_t error;
    do {
        if (self->at == self->length)
            return false;
        pass_line(self, out);
    } while (is_blank(self->bytes + out->start, out->end - out->start));
    json_decref(self->object);
    self->object =
        json_loadb(self->bytes + out->start, out->end - out->start, JSON_REJECT_DUPLICATES, &error);
    out->malformed =
        self->object == NULL ? "it is not JSON, or a key comes twice" : set_values(self, self->object, out);
    return true;
}

bool import_source_next(struct import_source *self, struct import_record *out)
{
    *out = (struct import_record){0};
    return self->format == IMPORT_CSV ? next_csv(self, out) : next_jsonl(self, out);
}
