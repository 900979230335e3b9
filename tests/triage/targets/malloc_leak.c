/* leak: 1.5 MB a second in blocks of 15 kB that nobody frees. */
#include "common.h"

static char *volatile lost; /* so that the compiler doesn't leave it out */

int main(void) {
    follow_parent();
    ready();
    for (;;) {
        memset(lost = malloc(15000), 1, 15000);
        wait_ms(10);
    }
}
