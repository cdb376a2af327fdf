# Compiler options, outside libraries, and the one function that declares a folder of src/.
include(CTest)
include(CheckLinkerFlag)
find_package(Threads REQUIRED)
set(OPENSSL_USE_STATIC_LIBS TRUE)
find_package(OpenSSL REQUIRED)
set(Boost_USE_STATIC_LIBS ON)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(GTest REQUIRED)

function(pp_static_archive target archive)
  find_library(${target}_ARCHIVE NAMES lib${archive}.a REQUIRED)
  add_library(${target} STATIC IMPORTED)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${${target}_ARCHIVE})
endfunction()
pp_static_archive(yaml-cpp-static yaml-cpp)
pp_static_archive(sqlite3-static sqlite3)
pp_static_archive(gumbo-static gumbo)
pp_static_archive(edit-static edit)
# libedit names its needs nowhere: terminfo, and strvis() of libbsd, which needs libmd.
pp_static_archive(tinfo-static tinfo)
pp_static_archive(bsd-static bsd)
pp_static_archive(md-static md)
target_link_libraries(edit-static INTERFACE tinfo-static bsd-static md-static)
target_link_libraries(sqlite3-static INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)

add_library(pp_options INTERFACE)
target_include_directories(pp_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(pp_options INTERFACE
  FMT_HEADER_ONLY BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_BEAST_USE_STD_STRING_VIEW
  BOOST_ASIO_NO_DEPRECATED PURPOSEPATH_VERSION="${PROJECT_VERSION}"
  VALIJSON_USE_EXCEPTIONS=1)  # without it valijson calls abort() where others throw
# Sources of ours are warned about strictly; Debian's headers are system headers and are not.
target_compile_options(pp_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  -Wno-missing-field-initializers  # designated initializers leave the rest to the defaults beside the members
  -Werror -fno-omit-frame-pointer "SHELL:-Xclang -fno-pch-timestamp")
target_compile_options(pp_options INTERFACE $<$<CONFIG:Release>:-O2 -g1>  $<$<CONFIG:Debug>:-O0 -g1 -D_GLIBCXX_ASSERTIONS>)
target_link_options(pp_options INTERFACE -fuse-ld=mold)
if(PURPOSEPATH_SANITIZER)
  target_compile_options(pp_options INTERFACE -fsanitize=${PURPOSEPATH_SANITIZER} -fno-sanitize-recover=all)
  target_link_options(pp_options INTERFACE -fsanitize=${PURPOSEPATH_SANITIZER})
endif()

# The shipped binary: everything static but glibc and libgcc_s (its unwinder would bring in _dl_find_object, glibc 2.35).
add_library(pp_static INTERFACE)
add_library(pp_allocator INTERFACE)
if(NOT PURPOSEPATH_SANITIZER)
  target_link_options(pp_static INTERFACE -static-libstdc++ -Wl,--gc-sections)
  find_library(JEMALLOC_ARCHIVE NAMES libjemalloc.a REQUIRED)
  target_link_libraries(pp_allocator INTERFACE ${JEMALLOC_ARCHIVE} ${CMAKE_DL_LIBS} m)
endif()

# pp_library(NAME DEPENDS other...): src/NAME/*.cpp as a library; *_test.cpp as one test program.
function(pp_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*_test.cpp)
  list(REMOVE_ITEM sources ${tests})
  if(NOT sources)
    message(FATAL_ERROR "src/${name} has no sources")
  endif()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC pp_options ${ARG_DEPENDS})
  if(name STREQUAL base)
    target_precompile_headers(base PRIVATE ${CMAKE_SOURCE_DIR}/src/base/precompiled.hpp)
  else()
    target_precompile_headers(${name} REUSE_FROM base)
  endif()
  if(tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${name} GTest::gtest_main)
    target_precompile_headers(${name}_test REUSE_FROM base)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 300 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  endif()
endfunction()
