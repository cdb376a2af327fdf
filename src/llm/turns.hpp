#pragma once
// A conversation for vendors that want the two roles to take turns, the user first and last.
#include <cstddef>
#include <string_view>
#include <vector>

#include "llm/provider.hpp"

namespace llm {

struct Turn {
  Role role = Role::user;
  std::vector<std::string_view> texts;  // never empty, nor is one of them; views of the request, or of constants
  std::size_t messages = 0;  // so many of `texts`, from the front, are messages: the same bytes in the calls to come
};

// Neighbours of one role become one turn of several texts. `guidance` is the last text of the last turn, the user's. Where
// the user has not said anything yet, a few words stand for it, always the same ones. The views stay valid as long as
// `request` and what `guidance` views.
std::vector<Turn> alternating_turns(const Request& request, std::string_view guidance);

}  // namespace llm
