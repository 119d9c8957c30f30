# SOCI with its backends for SQLite and PostgreSQL, as the target SOCI::SOCI.
# Debian's libsoci-dev has neither a CMake package nor a pkg-config file, and
# its headers of the backends include those of the databases' own libraries.
# The backends are linked: nothing is looked up by name at run time.
find_package(PkgConfig REQUIRED)
pkg_check_modules(SOCI_SQLITE IMPORTED_TARGET sqlite3)
pkg_check_modules(SOCI_PQ IMPORTED_TARGET libpq)
find_path(SOCI_INCLUDE_DIR soci/sqlite3/soci-sqlite3.h)
find_library(SOCI_CORE_LIBRARY soci_core)
find_library(SOCI_SQLITE3_LIBRARY soci_sqlite3)
find_library(SOCI_POSTGRESQL_LIBRARY soci_postgresql)
mark_as_advanced(SOCI_INCLUDE_DIR SOCI_CORE_LIBRARY SOCI_SQLITE3_LIBRARY
                 SOCI_POSTGRESQL_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(SOCI REQUIRED_VARS
  SOCI_CORE_LIBRARY SOCI_SQLITE3_LIBRARY SOCI_POSTGRESQL_LIBRARY
  SOCI_INCLUDE_DIR SOCI_SQLITE_FOUND SOCI_PQ_FOUND)

if(SOCI_FOUND AND NOT TARGET SOCI::SOCI)
  add_library(SOCI::SOCI INTERFACE IMPORTED)
  target_include_directories(SOCI::SOCI INTERFACE ${SOCI_INCLUDE_DIR})
  target_link_libraries(SOCI::SOCI INTERFACE
    ${SOCI_SQLITE3_LIBRARY} ${SOCI_POSTGRESQL_LIBRARY} ${SOCI_CORE_LIBRARY}
    PkgConfig::SOCI_SQLITE PkgConfig::SOCI_PQ)
endif()
