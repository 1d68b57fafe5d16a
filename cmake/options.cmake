# What every target of ours is compiled with. Third-party code never sees these flags.
set(WEIR_SANITIZE "" CACHE STRING "address (with undefined) | thread | empty")
option(WEIR_FUZZ "build the libFuzzer targets" OFF)

add_library(weir_flags INTERFACE)
target_include_directories(weir_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(weir_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough -Wextra-semi
  -Wno-missing-field-initializers
  -fno-omit-frame-pointer -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(weir_flags INTERFACE -Wthread-safety -Wno-missing-designated-field-initializers)
  target_link_options(weir_flags INTERFACE -fuse-ld=lld-19)
endif()
target_compile_definitions(weir_flags INTERFACE WEIR_VERSION="${PROJECT_VERSION}")

if(WEIR_SANITIZE STREQUAL "address")
  target_compile_options(weir_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(weir_flags INTERFACE -fsanitize=address,undefined)
elseif(WEIR_SANITIZE STREQUAL "thread")
  target_compile_options(weir_flags INTERFACE -fsanitize=thread)
  target_link_options(weir_flags INTERFACE -fsanitize=thread)
elseif(NOT WEIR_SANITIZE STREQUAL "")
  message(FATAL_ERROR "WEIR_SANITIZE takes address, thread or nothing")
endif()
if(WEIR_FUZZ)
  target_compile_options(weir_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(weir_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
