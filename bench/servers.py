"""draft"""
import sys, statistics
from servers_real import *
