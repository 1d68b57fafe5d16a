# Libraries of others, each as one imported target. tools/setup.sh installs them; versions are Debian 12's.
find_package(Threads REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(GTest REQUIRED)
find_package(PkgConfig REQUIRED)

# SQLite's amalgamation: tools/fetch_sqlite.sh fetches it once and tells the prefix. Not Debian's: 3.40.1 has the
# WAL-reset race. Our warnings do not apply to it; the sanitizers do.
set(WEIR_SQLITE_PREFIX "" CACHE PATH "what tools/fetch_sqlite.sh printed; empty runs it")
if(NOT EXISTS "${WEIR_SQLITE_PREFIX}/sqlite3.c")
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/fetch_sqlite.sh
    OUTPUT_VARIABLE weir_sqlite_prefix OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE weir_sqlite_failed)
  if(weir_sqlite_failed)
    message(FATAL_ERROR "tools/fetch_sqlite.sh failed; its last line says why")
  endif()
  set(WEIR_SQLITE_PREFIX "${weir_sqlite_prefix}" CACHE PATH "what tools/fetch_sqlite.sh printed; empty runs it" FORCE)
endif()
add_library(sqlite3_amalgamation STATIC ${WEIR_SQLITE_PREFIX}/sqlite3.c)
target_include_directories(sqlite3_amalgamation SYSTEM PUBLIC ${WEIR_SQLITE_PREFIX})
# THREADSAFE=2: a connection belongs to one thread at a time, so it needs no lock of its own; what connections share is
# still guarded. TEMP_STORE=3: the sandboxed processes may not write to a temporary folder. No full-text search, no
# double-quoted strings, no loadable extensions, no functions in a schema that the file brought along.
target_compile_definitions(sqlite3_amalgamation PRIVATE
  SQLITE_THREADSAFE=2 SQLITE_DQS=0 SQLITE_OMIT_LOAD_EXTENSION SQLITE_DEFAULT_MEMSTATUS=0 SQLITE_TEMP_STORE=3
  SQLITE_DEFAULT_FOREIGN_KEYS=1 SQLITE_TRUSTED_SCHEMA=0 SQLITE_LIKE_DOESNT_MATCH_BLOBS SQLITE_USE_URI=0
  SQLITE_OMIT_DEPRECATED SQLITE_OMIT_SHARED_CACHE SQLITE_OMIT_TCL_VARIABLE HAVE_USLEEP=1)
target_compile_options(sqlite3_amalgamation PRIVATE -w -fno-omit-frame-pointer
  $<$<CONFIG:Debug>:-O1>
  $<$<STREQUAL:${WEIR_SANITIZE},address>:-fsanitize=address,undefined>
  $<$<STREQUAL:${WEIR_SANITIZE},thread>:-fsanitize=thread>)
target_link_libraries(sqlite3_amalgamation PUBLIC Threads::Threads)

pkg_check_modules(libsodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)

# libllama and its kin: tools/build_llama.sh builds them and tells the prefix.
set(WEIR_LLAMA_PREFIX "" CACHE PATH "what tools/build_llama.sh printed")
if(WEIR_LLAMA_PREFIX)
  add_library(llama_cpp INTERFACE)
  target_include_directories(llama_cpp SYSTEM INTERFACE
    ${WEIR_LLAMA_PREFIX}/include ${WEIR_LLAMA_PREFIX}/ggml/include ${WEIR_LLAMA_PREFIX}/common
    ${WEIR_LLAMA_PREFIX}/vendor ${WEIR_LLAMA_PREFIX}/tools/mtmd)
  file(GLOB_RECURSE weir_ggml_archives ${WEIR_LLAMA_PREFIX}/build/ggml/src/*.a)
  # What the archives were built for (WEIR_GPU of tools/build_llama.sh), and the libraries that it wants.
  set(WEIR_GPU "")
  foreach(gpu cuda vulkan metal hip)
    if(weir_ggml_archives MATCHES "libggml-${gpu}\\.a")
      set(WEIR_GPU ${gpu})
    endif()
  endforeach()
  if(WEIR_GPU STREQUAL "cuda")
    find_package(CUDAToolkit REQUIRED)
    set(weir_gpu_libraries CUDA::cudart_static CUDA::cublas CUDA::cublasLt CUDA::cuda_driver)
  elseif(WEIR_GPU STREQUAL "vulkan")
    find_package(Vulkan REQUIRED)
    set(weir_gpu_libraries Vulkan::Vulkan)
  elseif(WEIR_GPU STREQUAL "hip")
    find_package(hip REQUIRED)
    find_package(hipblas REQUIRED)
    find_package(rocblas REQUIRED)
    set(weir_gpu_libraries hip::host roc::rocblas roc::hipblas)
  elseif(WEIR_GPU STREQUAL "metal")
    set(weir_gpu_libraries "-framework Foundation" "-framework Metal" "-framework MetalKit")
  endif()
  target_link_libraries(llama_cpp INTERFACE
    -Wl,--start-group
    ${WEIR_LLAMA_PREFIX}/build/tools/mtmd/libmtmd.a
    ${WEIR_LLAMA_PREFIX}/build/vendor/hash/libvendor-hash.a
    ${WEIR_LLAMA_PREFIX}/build/common/libllama-common.a
    ${WEIR_LLAMA_PREFIX}/build/common/libllama-common-base.a
    ${WEIR_LLAMA_PREFIX}/build/src/libllama.a
    ${weir_ggml_archives}
    -Wl,--end-group ${weir_gpu_libraries} Threads::Threads ${CMAKE_DL_LIBS})
endif()
