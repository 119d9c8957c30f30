#include "builder/solve/vertex_kind.h"

#include <variant>

namespace strake::builder::solve {

using plan::CopyOp;
using plan::ImageOp;
using plan::Vertex;
using plan::VertexId;

bool IsStep(const Vertex& vertex) {
  return !std::holds_alternative<plan::ScratchOp>(vertex.op) &&
         !std::holds_alternative<plan::MergeOp>(vertex.op) &&
         !std::holds_alternative<plan::FetchOp>(vertex.op) &&
         !std::holds_alternative<plan::GitOp>(vertex.op) &&
         !std::holds_alternative<ImageOp>(vertex.op);
}

bool CopiesFromInputsOnly(const CopyOp& copy) {
  using Kind = plan::CopySource::Kind;
  bool any = false;
  for (const plan::CopySource& source : copy.sources) {
    if (source.kind == Kind::kContext) return false;
    any = any || source.kind == Kind::kInput;
  }
  return any;
}

std::span<const VertexId> Sources(const Vertex& copy) {
  return std::span(copy.inputs).subspan(1);
}

}  // namespace strake::builder::solve
