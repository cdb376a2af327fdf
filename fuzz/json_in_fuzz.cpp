// Any bytes as a model's answer that should hold JSON: an object comes out, or the one error that says there is none.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.hpp"
#include "coaching/structured.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto found = coaching::json_in({reinterpret_cast<const char*>(data), size});
    if (!found.is_object()) std::abort();
  } catch (const base::Error& error) {
    if (error.code != base::Code::llm_error) std::abort();
  }
  return 0;
}
