/* warming-up: a buffer that doubles as it fills, and is full after a while. Its time in ms is the argument. */
#include "common.h"

int main(int argc, char **argv) {
    follow_parent();
    double time = atof(argv[argc - 1]) / 1000.0;
    size_t room = 4096, length = 0, full = 60 * MB;
    char *buffer = malloc(room);
    ready();
    double start = seconds();
    while (length < full) {
        size_t due = full * (seconds() - start) / time;
        for (; length < due && length < full; length++) {
            if (length == room) buffer = realloc(buffer, room *= 2);
            buffer[length] = 1;
        }
        wait_ms(5);
    }
    forever();
}
