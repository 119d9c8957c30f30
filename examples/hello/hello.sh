#!/bin/sh
# Prints the greeting, loud if asked to.
if [ "$1" = "--loud" ]; then GREETING=loud; fi
cat "/share/hello/$GREETING.txt"
echo "(user $(id -un), $(ls / | wc -l) entries in /)"
