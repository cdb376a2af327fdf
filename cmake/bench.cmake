# Programs in bench/ that measure one layer; built by name only: ninja -C build/release server_bench
function(pp_bench name)
  add_executable(${name} EXCLUDE_FROM_ALL bench/${name}.cpp)
  target_link_libraries(${name} PRIVATE ${ARGN} pp_allocator)
  target_precompile_headers(${name} REUSE_FROM base)
endfunction()

pp_bench(server_bench http)
pp_bench(store_bench store)
pp_bench(client_bench net)
pp_bench(router_bench llm)
pp_bench(auth_bench http)
pp_bench(tokens_bench llm)
pp_bench(template_bench coaching)
