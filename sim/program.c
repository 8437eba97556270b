/* Options, files and signals of a simulated server's program. */
#include "sim/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"

int program_wrong(const struct program *self, const char *what, const char *why)
{
    fprintf(stderr, "teller %s: %s: %s\n", self->name, what, why);
    return EXIT_CODE_ERROR;
}

/* 0, or an errno. */
static int read_file(FILE *file, char *out)
{
    size_t length = fread(out, 1, PROGRAM_TEXT_BYTES_MAX, file);
    out[length] = '\0';
    if (ferror(file))
        return EIO;
    return length == PROGRAM_TEXT_BYTES_MAX && fgetc(file) != EOF ? EFBIG : 0;
}

bool program_read(struct program *self, const char *path, const char **out)
{
    if (path == NULL)
        return true;
    size_t at = 0;
    while (at < PROGRAM_TEXTS_MAX && self->texts[at] != NULL)
        at++;
    CHECK(at < PROGRAM_TEXTS_MAX);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return program_wrong(self, path, strerror(errno)) == EXIT_CODE_OK;
    self->texts[at] = malloc(PROGRAM_TEXT_BYTES_MAX + 1);
    CHECK(self->texts[at] != NULL);
    int failed = read_file(file, self->texts[at]);
    fclose(file);
    *out = self->texts[at];
    return failed == 0 || program_wrong(self, path, strerror(failed)) == EXIT_CODE_OK;
}

bool program_read_tls(struct program *self, const char **certificate, const char **key)
{
    if ((self->certificate == NULL) != (self->key == NULL))
        return program_wrong(self, "--certificate and --key", "one without the other") == EXIT_CODE_OK;
    return program_read(self, self->certificate, certificate) && program_read(self, self->key, key);
}

sigset_t program_block_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    CHECK(sigprocmask(SIG_BLOCK, &signals, NULL) == 0);
    return signals;
}

void program_serve(const sigset_t *signals, unsigned port, const char *url)
{
    int number;
    printf("{\"port\": %u, \"url\": \"%s\"}\n", port, url);
    fflush(stdout);
    sigwait(signals, &number);
}

void program_release(struct program *self)
{
    for (size_t i = 0; i < PROGRAM_TEXTS_MAX; i++)
        free(self->texts[i]);
}
