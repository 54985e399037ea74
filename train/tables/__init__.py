"""The published tables of the papers, each figure beside the one of the zoo's network.

:data:`TABLES` names them; :func:`table` fills one in. The published figures are those printed in the papers,
as text, so that their last digit tells how far they are rounded; ours come from the stored counts, or from
arithmetic on the layers that the papers print. Nothing here imports Keras.
"""

from mobilecnn.train.tables.published import TABLES, names, table, unknown
from mobilecnn.train.tables.rows import Column, Figure, PaperTable, Row, Sourced

__all__ = ["TABLES", "Column", "Figure", "PaperTable", "Row", "Sourced", "names", "table", "unknown"]
