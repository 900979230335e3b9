/* leak in a control group, steady by its number: a file on a tmpfs that grows by 1.5 MB a second. It has no name, so nothing stays of it. */
#include "common.h"

int main(void) {
    follow_parent();
    char name[] = "/dev/shm/triage-XXXXXX";
    int file = mkstemp(name);
    if (file < 0 || unlink(name) < 0) return 1;
    static char piece[15000];
    memset(piece, 1, sizeof piece);
    ready();
    for (;;) {
        if (write(file, piece, sizeof piece) < 0) return 1;
        wait_ms(10);
    }
}
