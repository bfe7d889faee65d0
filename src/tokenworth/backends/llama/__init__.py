"""llama.cpp's files and llama.cpp itself: what several backends share."""
