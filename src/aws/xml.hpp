#pragma once
// The few fields that we need of the XML answers of STS. No XML library: this reads what is well-formed and takes what
// is not as far as it goes; document types and their entities are not followed.
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace aws {

// The text directly inside the first element that lies inside of elements of these names, however deep between them,
// with entities and CDATA undone; namespaces' prefixes are ignored. nullopt when there is none or its end is missing.
//   xml_text(answer, {"Credentials", "AccessKeyId"})
std::optional<std::string> xml_text(std::string_view document, std::initializer_list<std::string_view> path);

}  // namespace aws
