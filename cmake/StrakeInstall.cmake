# `cmake --install` and `find_package(strake)`.
