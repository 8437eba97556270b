/* The ECB's XML, by expat's stream: an element is judged by its namespace, its name and its depth. */
#include "adapters/rates/ecb.h"

#include <expat.h>
#include <string.h>

#include "adapters/rates/sheet_build.h"

/* expat writes an element's name behind its namespace. */
#define SEPARATOR "|"
#define ENVELOPE "http://www.gesmes.org/xml/2002-08-01" SEPARATOR "Envelope"
#define CUBE "http://www.ecb.int/vocabulary/2002-08-01/eurofxref" SEPARATOR "Cube"

/* How deep an element stands, from 1. */
enum { DEPTH_ENVELOPE = 1, DEPTH_TABLE, DEPTH_DAY, DEPTH_RATE, DEPTH_MAX = 16 };

struct reading {
    struct sheet_build build;
    XML_Parser parser;
    uint32_t depth;
    bool has_table, in_table;
};

/* expat may still tell of an element after it was stopped. */
static void stop(struct reading *self, const char *why)
{
    sheet_fail(&self->build, why);
    XML_StopParser(self->parser, XML_FALSE);
}

static const char *find(const XML_Char **attributes, const char *name)
{
    for (; attributes[0] != NULL; attributes += 2) {
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    }
    return NULL;
}

static bool read_day(struct reading *self, const XML_Char **attributes)
{
    const char *time = find(attributes, "time");
    int32_t date;
    if (time == NULL || !rate_date_parse(str_from(time), &date))
        return sheet_fail(&self->build, "a date that is not one");
    return sheet_day(&self->build, date);
}

static bool read_rate(struct reading *self, const XML_Char **attributes)
{
    struct rate_row row = {.base = "EUR", .units = 1};
    const char *currency = find(attributes, "currency"), *rate = find(attributes, "rate");
    if (currency == NULL || rate == NULL)
        return sheet_fail(&self->build, "a rate without its currency or its number");
    return sheet_currency(&self->build, str_from(currency), row.counter) &&
           sheet_rate(&self->build, str_from(rate), &row.rate) && sheet_row(&self->build, row);
}

/* Something in the table. */
static bool read_cube(struct reading *self, const char *name, const XML_Char **attributes)
{
    if (strcmp(name, CUBE) != 0)
        return sheet_fail(&self->build, "an element that has no place in the table");
    if (self->depth == DEPTH_DAY)
        return read_day(self, attributes);
    if (self->depth == DEPTH_RATE)
        return read_rate(self, attributes);
    return sheet_fail(&self->build, "a Cube that is too deep");
}

static bool begin_table(struct reading *self)
{
    if (self->has_table)
        return sheet_fail(&self->build, "more than one table");
    self->has_table = true;
    self->in_table = true;
    return true;
}

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *self = context;
    if (self->build.err != ERR_OK)
        return;
    self->depth++;
    bool good = true;
    if (self->depth > DEPTH_MAX)
        good = sheet_fail(&self->build, "nested too deep");
    else if (self->depth == DEPTH_ENVELOPE && strcmp(name, ENVELOPE) != 0)
        good = sheet_fail(&self->build, "not an envelope of rates");
    else if (self->depth == DEPTH_TABLE && strcmp(name, CUBE) == 0)
        good = begin_table(self);
    else if (self->in_table)
        good = read_cube(self, name, attributes);
    if (!good)
        XML_StopParser(self->parser, XML_FALSE);
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    struct reading *self = context;
    (void)name;
    if (self->build.err != ERR_OK)
        return;
    if (self->depth == DEPTH_TABLE)
        self->in_table = false;
    self->depth--;
}

static void XMLCALL on_doctype(void *context, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int has_internal_subset)
{
    (void)name;
    (void)system;
    (void)public;
    (void)has_internal_subset;
    stop(context, "a DOCTYPE");
}

enum err ecb_read(const char *data, size_t length, struct rate_sheet *out, const char **why)
{
    struct reading self = {0};
    sheet_begin(&self.build, RATE_SHEET_ECB);
    self.parser = XML_ParserCreateNS(NULL, SEPARATOR[0]);
    if (self.parser == NULL) {
        sheet_no_memory(&self.build);
    } else if (length > RATE_SHEET_BYTES_MAX) {
        sheet_fail(&self.build, "the document is too long");
    } else {
        XML_SetUserData(self.parser, &self);
        XML_SetElementHandler(self.parser, on_start, on_end);
        XML_SetStartDoctypeDeclHandler(self.parser, on_doctype);
        bool good = XML_Parse(self.parser, data, (int)length, XML_TRUE) == XML_STATUS_OK;
        if (!good && XML_GetErrorCode(self.parser) == XML_ERROR_NO_MEMORY)
            sheet_no_memory(&self.build);
        else if (!good)
            sheet_fail(&self.build, "not a whole document of XML");
    }
    XML_ParserFree(self.parser);
    return sheet_end(&self.build, out, why);
}
