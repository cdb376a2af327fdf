# Programs that feed random bytes to what reads bytes from outside (fuzz/README.md); only in the preset `fuzz`.
if(NOT PURPOSEPATH_SANITIZER MATCHES fuzzer)
  return()
endif()
# pp_fuzz(NAME LIBRARY [SOURCE...]): fuzz/NAME_fuzz.cpp, which begins with the inputs in fuzz/corpus/NAME.
function(pp_fuzz name library)
  add_executable(${name}_fuzz EXCLUDE_FROM_ALL fuzz/${name}_fuzz.cpp ${ARGN})
  target_link_libraries(${name}_fuzz PRIVATE ${library})
  target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
  target_precompile_headers(${name}_fuzz REUSE_FROM base)
endfunction()

pp_fuzz(event_stream aws)
pp_fuzz(sse net)
pp_fuzz(json_in base src/coaching/json_in.cpp)  # needs nothing else of coaching
