# Embeds the HTTP contract, the models, the topics and the contract's viewer into `base` (see src/base/embedded.hpp).
set(PURPOSEPATH_DOCS_DIR "${CMAKE_BINARY_DIR}/../docs" CACHE PATH "the viewer that /docs serves: index.html and its files")

add_executable(embed tools/embed.cpp src/base/yaml.cpp src/base/error.cpp)
target_link_libraries(embed PRIVATE pp_options Boost::headers yaml-cpp-static)
# A build step, not the product: its leaks or speed do not matter, its build time does.
set_target_properties(embed PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tools)

set(embed_dir ${CMAKE_BINARY_DIR}/embedded)
set(embed_list "")
set(embed_files "")

macro(pp_embed_file name file)
  string(APPEND embed_list "${name}\t${file}\n")
  list(APPEND embed_files ${file})
endmacro()

file(GLOB openapi CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/openapi.yaml)
foreach(file ${openapi})
  pp_embed_file(openapi.json ${file})
endforeach()

file(GLOB models CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/models.yaml)
foreach(file ${models})
  pp_embed_file(models.json ${file})
endforeach()

file(GLOB_RECURSE topic_files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/topics/*)
foreach(file ${topic_files})
  string(REGEX REPLACE "\\.yaml$" ".json" name ${file})
  pp_embed_file(${name} ${CMAKE_SOURCE_DIR}/${file})
  # And as its author wrote it, for who wants to change it.
  pp_embed_file(sources/${file} ${CMAKE_SOURCE_DIR}/${file})
endforeach()

file(GLOB_RECURSE docs_files CONFIGURE_DEPENDS RELATIVE ${PURPOSEPATH_DOCS_DIR} ${PURPOSEPATH_DOCS_DIR}/*)
foreach(file ${docs_files})
  pp_embed_file(docs/${file} ${PURPOSEPATH_DOCS_DIR}/${file})
endforeach()
if(NOT docs_files)
  pp_embed_file(docs/index.html ${CMAKE_SOURCE_DIR}/tools/docs_missing.html)
endif()

# OpenAI's encodings, made by the build itself from a packaged tiktoken; all presets share them.
set(PURPOSEPATH_TOKENS_DIR "${CMAKE_BINARY_DIR}/../tokens" CACHE PATH "the tables of src/llm/tokens.cpp")
set(token_files ${PURPOSEPATH_TOKENS_DIR}/cl100k_base.bin ${PURPOSEPATH_TOKENS_DIR}/o200k_base.bin
  ${PURPOSEPATH_TOKENS_DIR}/classes.bin)
add_custom_command(
  OUTPUT ${token_files}
  COMMAND ${CMAKE_SOURCE_DIR}/scripts/token_ranks ${PURPOSEPATH_TOKENS_DIR}
  DEPENDS ${CMAKE_SOURCE_DIR}/token-ranks/build.mjs ${CMAKE_SOURCE_DIR}/token-ranks/package-lock.json
    ${CMAKE_SOURCE_DIR}/scripts/token_ranks
  COMMENT "Making the tables of OpenAI's encodings")
foreach(file ${token_files})
  get_filename_component(name ${file} NAME)
  pp_embed_file(tokens/${name} ${file})
endforeach()

file(CONFIGURE OUTPUT ${embed_dir}/list CONTENT "${embed_list}" @ONLY)
add_custom_command(
  OUTPUT ${embed_dir}/embedded.cpp ${embed_dir}/embedded.bin
  COMMAND embed ${embed_dir}/list ${embed_dir}/embedded.bin ${embed_dir}/embedded.cpp
  DEPENDS embed ${embed_dir}/list ${embed_files}
  COMMENT "Embedding topics, contract and docs")
target_sources(base PRIVATE ${embed_dir}/embedded.cpp)
set_source_files_properties(${embed_dir}/embedded.cpp PROPERTIES
  OBJECT_DEPENDS ${embed_dir}/embedded.bin SKIP_PRECOMPILE_HEADERS ON)
