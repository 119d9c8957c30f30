# COPY, ADD, WORKDIR and what they read from.
set(STRAKE_COPY_SOURCES
)
