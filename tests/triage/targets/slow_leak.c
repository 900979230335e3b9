/* leak, but a slow one: 40 kB a second. */
#include "common.h"

static char *volatile lost; /* so that the compiler doesn't leave it out */

int main(void) {
    follow_parent();
    ready();
    for (;;) {
        memset(lost = malloc(4000), 1, 4000);
        wait_ms(100);
    }
}
