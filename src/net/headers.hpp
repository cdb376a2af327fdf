#pragma once
// The header fields of a response, in one piece of memory: a call costs two allocations for them, not two a field.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace net {

class Headers {
 public:
  void add(std::string_view name, std::string_view value);
  void clear();
  // The first field of that name, in any case; "" when absent.
  std::string_view find(std::string_view name) const;
  std::size_t size() const { return fields_.size(); }
  // In the order received; valid until add() or clear().
  std::pair<std::string_view, std::string_view> operator[](std::size_t index) const;

 private:
  struct Field {
    std::size_t begin;
    std::size_t name_size;
    std::size_t value_size;
  };
  std::string text_;  // name, value, name, value …
  std::vector<Field> fields_;
};

bool equal_ignoring_case(std::string_view a, std::string_view b);  // ASCII

}  // namespace net
