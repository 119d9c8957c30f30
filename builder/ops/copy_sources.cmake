# COPY, ADD, WORKDIR and what they read from.
set(STRAKE_COPY_SOURCES
  cache/content_digest.cc
  cache/stat_cache.cc
  context/archive_reader.cc
  context/build_context.cc
  context/copy_match.cc
  context/copy_walk.cc
  context/path_match.cc
  context/secrets.cc
  context/source_tree.cc
  context/tree_writer.cc
  context/unpack_archive.cc
  ops/copy_op.cc
  ops/copy_tree.cc
  ops/make_dir.cc
  ops/user_lookup.cc
)
