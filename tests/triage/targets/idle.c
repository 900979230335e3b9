/* steady: 100 MB in use, and nothing to do. */
#include "common.h"

static char *volatile kept; /* so that the compiler doesn't leave it out */

int main(void) {
    follow_parent();
    memset(kept = malloc(100 * MB), 1, 100 * MB);
    ready();
    forever();
}
