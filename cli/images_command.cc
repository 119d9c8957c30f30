// `strake images`: the names in the store.

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "builder/images.h"
#include "cli/command.h"
#include "cli/go_template.h"
#include "cli/image_info.h"
#include "oci/reference.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

class ImagesCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"[REPOSITORY[:TAG]]", 0, 1, Completes::kImages});
    options.Flag("-q,--quiet", quiet_, "Print image IDs only");
    options.Flag("--digests", digests_, "Show the manifests' digests too");
    options.Flag("--no-trunc", no_truncation_, "Show IDs in full");
    options.Value("--format", format_, {"FORMAT"},
                  "table, json, or a template with .Repository, .Tag, .ID, "
                  ".Digest, .CreatedSince, .CreatedAt and .Size");
    options.NotYetFlag("-a,--all");
    options.NotYetValue("-f,--filter");
  }
  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    if (arguments.empty()) return {};
    ASSIGN_OR_RETURN(oci::Reference wanted, oci::ParseReference(arguments[0]));
    wanted_ = std::move(wanted);
    return {};
  }
  Result<int> Run(Session& session) override {
    ASSIGN_OR_RETURN(std::string store, StoreDirectory(session.environment));
    ASSIGN_OR_RETURN(auto images, builder::ListImages(store));
    std::vector<ImageRow> rows;
    for (const builder::StoredImage& image : images) {
      if (!IsWanted(image)) continue;
      rows.push_back(MakeImageRow(image, std::chrono::system_clock::now()));
      if (no_truncation_) rows.back().id = rows.back().full_id;
    }
    ASSIGN_OR_RETURN(std::string text, Format(rows));
    RETURN_IF_ERROR(PrintOut(text));
    return kExitOk;
  }

 private:
  bool IsWanted(const builder::StoredImage& image) const {
    if (!wanted_) return true;
    auto reference = oci::ParseReference(image.name);
    return reference && reference->Name() == wanted_->Name() &&
           (wanted_->tag.empty() || reference->tag == wanted_->tag);
  }

  Result<std::string> Format(const std::vector<ImageRow>& rows) const {
    std::string text;
    if (quiet_) {
      for (const ImageRow& row : rows) text += row.id + "\n";
      return text;
    }
    if (format_.empty() || format_ == "table") return Table(rows);
    for (const ImageRow& row : rows) {
      if (format_ == "json") {
        text += RowJson(row) + "\n";
        continue;
      }
      ASSIGN_OR_RETURN(std::string line,
                       FormatGoTemplate(format_, RowJson(row)));
      text += line + "\n";
    }
    return text;
  }

  std::string Table(const std::vector<ImageRow>& rows) const {
    using Cells = std::vector<std::string>;
    std::vector<Cells> table = {{"REPOSITORY", "TAG"}};
    if (digests_) table[0].push_back("DIGEST");
    for (const char* title : {"IMAGE ID", "CREATED", "SIZE"}) {
      table[0].emplace_back(title);
    }
    for (const ImageRow& row : rows) {
      Cells cells = {row.repository, row.tag};
      if (digests_) cells.push_back(row.digest);
      cells.insert(cells.end(), {row.id, row.created, row.size});
      table.push_back(std::move(cells));
    }
    std::vector<size_t> widths(table[0].size());
    for (const Cells& cells : table) {
      for (size_t i = 0; i < cells.size(); ++i) {
        widths[i] = std::max(widths[i], cells[i].size());
      }
    }
    std::string text;
    for (const Cells& cells : table) {
      std::string line;
      for (size_t i = 0; i < cells.size(); ++i) {
        line += cells[i];
        if (i + 1 == cells.size()) break;
        line.append(widths[i] - cells[i].size() + 3, ' ');
      }
      text += line + "\n";
    }
    return text;
  }

  std::optional<oci::Reference> wanted_;
  std::string format_;
  bool quiet_ = false;
  bool digests_ = false;
  bool no_truncation_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeImagesCommand() {
  return std::make_unique<ImagesCommand>();
}

}  // namespace strake::cli
