/* escape.h - text inside of JSON strings and of HTML. */
#pragma once

#include <stdio.h>

/* With its quotes; NULL becomes null. What is not UTF-8 becomes U+FFFD. */
void json_string(FILE *to, const char *s);
void html_text(FILE *to, const char *s);
