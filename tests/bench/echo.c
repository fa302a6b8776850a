/* The server under every benchmark: an MCP server on stdio that costs next to nothing, so that what is measured is what stands in
   front of it. It answers initialize, tools/list, ping and tools/call (its text comes back, or as many bytes as it is asked for); anything else is method not found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGEST (1u << 20)

static char *line, *out, fill[LARGEST + 3];
static size_t room;

static void put(const char *text, size_t n) {
    while (n) {
        ssize_t w = write(1, text, n);
        if (w <= 0) _exit(1);
        text += w;
        n -= (size_t)w;
    }
}

/* The raw JSON value after a top-level-looking key; good enough for the clients that we write ourselves. */
static const char *value(const char *key, size_t *n) {
    const char *at = strstr(line, key);
    if (!at) return NULL;
    at += strlen(key);
    const char *end = at;
    if (*at == '"') {
        for (end = at + 1; *end && *end != '"'; end++)
            if (*end == '\\' && end[1]) end++;
        end++;
    } else {
        while (*end && *end != ',' && *end != '}') end++;
    }
    *n = (size_t)(end - at);
    return at;
}

static void answer(const char *id, size_t id_n, const char *result) {
    int n = snprintf(out, room, "{\"jsonrpc\":\"2.0\",\"id\":%.*s,%s}\n", (int)id_n, id, result);
    put(out, (size_t)n);
}

int main(void) {
    size_t size = 0, id_n, n;
    ssize_t got;
    memset(fill, 'x', sizeof fill);
    fill[0] = '"';
    while ((got = getline(&line, &size, stdin)) > 0) {
        if ((size_t)got + 4096 > room) out = realloc(out, room = (size_t)got + 65536);
        const char *id = value("\"id\":", &id_n);
        if (!id) continue;
        if (strstr(line, "\"method\":\"tools/call\"")) {
            const char *text = value("\"text\":", &n), *bytes = value("\"bytes\":", &id_n);
            size_t wanted = bytes ? strtoul(bytes, NULL, 10) : 0;
            if (wanted > LARGEST) wanted = LARGEST;
            id = value("\"id\":", &id_n);
            if (wanted) {
                fill[wanted + 1] = '"';
                fill[wanted + 2] = 0;
                text = fill;
                n = wanted + 2;
                if (n + 4096 > room) out = realloc(out, room = n + 65536);
            }
            int w = snprintf(out, room, "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":{\"content\":[{\"type\":\"text\",\"text\":%.*s}]}}\n",
                             (int)id_n, id, text ? (int)n : 2, text ? text : "\"\"");
            put(out, (size_t)w);
            if (wanted) memset(fill + wanted + 1, 'x', 2);
        } else if (strstr(line, "\"method\":\"initialize\"")) {
            answer(id, id_n, "\"result\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"echo\",\"version\":\"1\"}}");
        } else if (strstr(line, "\"method\":\"tools/list\"")) {
            answer(id, id_n, "\"result\":{\"tools\":[{\"name\":\"echo\",\"description\":\"Gives the text back\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"},\"bytes\":{\"type\":\"integer\"}}}}]}");
        } else if (strstr(line, "\"method\":\"ping\"")) {
            answer(id, id_n, "\"result\":{}");
        } else {
            answer(id, id_n, "\"error\":{\"code\":-32601,\"message\":\"method not found\"}");
        }
    }
    return 0;
}
