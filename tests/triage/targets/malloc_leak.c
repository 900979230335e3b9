/* leak: 2 MB a second in blocks of 20 kB that nobody frees. */
#include "common.h"

static char *volatile lost; /* so that the compiler doesn't leave it out */

int main(void) {
    follow_parent();
    ready();
    for (;;) {
        memset(lost = malloc(20000), 1, 20000);
        wait_ms(10);
    }
}
