"""Compression of a trained network: truncated SVD, pruning, weight sharing, and entropy coding.

Han, Mao, Dally, "Deep Compression: Compressing Deep Neural Networks with Pruning, Trained Quantization and
Huffman Coding", arXiv 1510.00149, ICLR 2016; Iandola et al., "SqueezeNet", arXiv 1602.07360, Tables 1 and 2.
"""
