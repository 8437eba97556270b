#include "broker/offline/export_line.h"

#include <inttypes.h>

#include "actors/base/rate.h"

void export_begin(struct export_writer *self)
{
    self->group = (struct uuid){{0}};
    self->items = 0;
    if (self->format == EXPORT_CSV)
        fputs(
            "op,transaction_id,account,from_account,to_account,owner,currency,amount,minimum_balance,ceiling,"
            "product,memo,reference,rate,fx,expires,time,group\n",
            self->file);
}

static struct str money_str(int64_t minor, currency_index currency, char out[MONEY_TEXT_MAX])
{
    size_t length = money_format(minor, currency_at(currency)->exponent, out);
    return (struct str){out, (uint32_t)length};
}

static struct str rate_str(int64_t rate, char out[RATE_TEXT_MAX])
{
    return (struct str){out, rate > 0 ? (uint32_t)rate_format(rate, out) : 0};
}

static struct str uuid_str(const struct uuid *id, char out[UUID_TEXT_LENGTH + 1])
{
    if (uuid_is_nil(id))
        return (struct str){0};
    uuid_format(id, out);
    return (struct str){out, UUID_TEXT_LENGTH};
}

/* ---- JSON lines ------------------------------------------------------------------------------- */

/* Texts have no control characters (docs/WIRE.md); two characters are escaped. */
static void json_value(FILE *file, struct str text)
{
    putc_unlocked('"', file);
    for (uint32_t i = 0; i < text.length; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            putc_unlocked('\\', file);
        putc_unlocked(text.data[i], file);
    }
    putc_unlocked('"', file);
}

static void json_key(FILE *file, const char *name, struct str text)
{
    if (text.length == 0)
        return;
    fprintf(file, ",\"%s\":", name);
    json_value(file, text);
}

static void json_limits(FILE *file, const struct export_line *line)
{
    char text[MONEY_TEXT_MAX];
    if (line->is_change || line->minimum != 0)
        json_key(file, "minimum_balance", money_str(line->minimum, line->limits_currency, text));
    if (line->ceiling != INT64_MAX)
        json_key(file, "ceiling", money_str(line->ceiling, line->limits_currency, text));
    else if (line->is_change)
        fputs(",\"ceiling\":null", file);
    if (line->is_change && line->product.length == 0)
        fputs(",\"product\":\"\"", file);
}

static void write_json(struct export_writer *self, const struct export_line *line)
{
    FILE *file = self->file;
    char id[UUID_TEXT_LENGTH + 1], amount[MONEY_TEXT_MAX], rate[RATE_TEXT_MAX];
    bool in_group = !uuid_is_nil(&self->group);
    if (in_group && self->items > 0)
        putc_unlocked(',', file);
    fprintf(file, "{\"op\":\"%s\"", line->op);
    json_key(file, "transaction_id", uuid_str(&line->id, id));
    json_key(file, "account", line->account);
    json_key(file, "from_account", line->from);
    json_key(file, "to_account", line->to);
    json_key(file, "owner", line->owner);
    if (line->currency != CURRENCY_NONE)
        json_key(file, "currency", str_from(currency_at(line->currency)->code));
    if (line->amount != 0)
        json_key(file, "amount", money_str(line->amount, line->currency, amount));
    if (line->has_limits)
        json_limits(file, line);
    json_key(file, "product", line->product);
    json_key(file, "memo", line->memo);
    json_key(file, "reference", line->reference);
    json_key(file, "rate", rate_str(line->rate, rate));
    if (line->fx)
        fputs(",\"fx\":true", file);
    if (line->expires_us != 0)
        fprintf(file, ",\"expires\":%" PRId64, line->expires_us);
    if (!in_group)
        fprintf(file, ",\"time\":%" PRId64, line->time_us);
    fputs(in_group ? "}" : "}\n", file);
}

/* ---- CSV -------------------------------------------------------------------------------------- */

static void csv_value(FILE *file, struct str text, char end)
{
    bool quoted = false;
    for (uint32_t i = 0; i < text.length && !quoted; i++)
        quoted = text.data[i] == '"' || text.data[i] == ',' || text.data[i] == ';' || text.data[i] == ' ';
    if (quoted)
        putc_unlocked('"', file);
    for (uint32_t i = 0; i < text.length; i++) {
        if (text.data[i] == '"')
            putc_unlocked('"', file);
        putc_unlocked(text.data[i], file);
    }
    if (quoted)
        putc_unlocked('"', file);
    putc_unlocked(end, file);
}

static void write_csv(struct export_writer *self, const struct export_line *line)
{
    FILE *file = self->file;
    char id[UUID_TEXT_LENGTH + 1], group[UUID_TEXT_LENGTH + 1];
    char rate[RATE_TEXT_MAX], amount[MONEY_TEXT_MAX], minimum[MONEY_TEXT_MAX], ceiling[MONEY_TEXT_MAX];
    const struct str none = {0};
    bool has_ceiling = line->has_limits && line->ceiling != INT64_MAX;
    csv_value(file, str_from(line->op), ',');
    csv_value(file, uuid_str(&line->id, id), ',');
    csv_value(file, line->account, ',');
    csv_value(file, line->from, ',');
    csv_value(file, line->to, ',');
    csv_value(file, line->owner, ',');
    csv_value(file, line->currency == CURRENCY_NONE ? none : str_from(currency_at(line->currency)->code),
              ',');
    csv_value(file, line->amount == 0 ? none : money_str(line->amount, line->currency, amount), ',');
    csv_value(file, line->has_limits ? money_str(line->minimum, line->limits_currency, minimum) : none, ',');
    csv_value(file, has_ceiling ? money_str(line->ceiling, line->limits_currency, ceiling) : none, ',');
    csv_value(file, line->product, ',');
    csv_value(file, line->memo, ',');
    csv_value(file, line->reference, ',');
    csv_value(file, rate_str(line->rate, rate), ',');
    csv_value(file, line->fx ? str_from("true") : none, ',');
    if (line->expires_us != 0)
        fprintf(file, "%" PRId64, line->expires_us);
    fprintf(file, ",%" PRId64 ",", line->time_us);
    csv_value(file, uuid_str(&self->group, group), '\n');
}

/* ---- both ------------------------------------------------------------------------------------- */

void export_write(struct export_writer *self, const struct export_line *line)
{
    if (self->format == EXPORT_CSV)
        write_csv(self, line);
    else
        write_json(self, line);
    self->items++;
}

void export_group_begin(struct export_writer *self, const struct uuid *id)
{
    char text[UUID_TEXT_LENGTH + 1];
    self->group = *id;
    self->items = 0;
    uuid_format(id, text);
    if (self->format == EXPORT_JSONL)
        fprintf(self->file, "{\"op\":\"group\",\"transaction_id\":\"%s\",\"items\":[", text);
}

void export_group_end(struct export_writer *self, int64_t time_us)
{
    self->group = (struct uuid){{0}};
    if (self->format == EXPORT_JSONL)
        fprintf(self->file, "],\"time\":%" PRId64 "}\n", time_us);
}
