"""The TFLite flatbuffer: reading, building and cutting graphs."""
