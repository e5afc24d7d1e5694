"""Language models: next-token logits behind one small protocol.

`load` makes a `LanguageModel` of whatever people have; `TransformersModel` wraps models of
Hugging Face `transformers`; `structgen.models.toy` has models small enough to enumerate. The
protocol is in `structgen.models.protocol`. Importing this package imports neither torch nor
transformers.
"""

from structgen.models.loading import load
from structgen.models.protocol import LanguageModel, Message, Session, TokenTree
from structgen.models.transformers import TransformersModel

__all__ = ["LanguageModel", "Message", "Session", "TokenTree", "TransformersModel", "load"]
