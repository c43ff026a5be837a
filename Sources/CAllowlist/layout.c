/* The sizes that programs were built with: a change here breaks them. */
#include "rootline_allowlist.h"

_Static_assert(sizeof(void *) != 8 || sizeof(rootline_allowlist_pins) == 56, "pins");
_Static_assert(sizeof(void *) != 8 || sizeof(rootline_allowlist_answer) == 960, "answer");
_Static_assert(sizeof(void *) != 8 || sizeof(rootline_allowlist_summary) == 104, "summary");
